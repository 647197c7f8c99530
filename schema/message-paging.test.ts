import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { after, before, type PageRequest, readPage, until } from './message-paging.ts'
import { asIdString, type WireMap } from './wire.ts'

const TIME = 1_790_000_000_000n

/** A chat that follows MAX's rule for windows; `short` makes some of its windows come short. */
const createChat = (ids: readonly bigint[], short = 0) => {
  let asked = 0
  const read = async (window: {
    from: number
    backward: number
    forward: number
  }): Promise<WireMap[]> => {
    asked += 1
    const at = BigInt(window.from)
    const older = ids.filter((id) => id >> 16n <= at).slice(window.backward === 0 ? ids.length : 0)
    const newer = ids.filter((id) => (window.backward > 0 ? id >> 16n > at : id >> 16n >= at))
    const page = [...older.slice(-window.backward), ...newer.slice(0, window.forward)]
    const lost = page.length > 1 ? Math.min(short, page.length - 1) : 0
    const kept = window.backward > 0 ? page.slice(lost) : page.slice(0, page.length - lost)
    return kept.map((id) => ({ id }))
  }
  return { read, asked: () => asked }
}

const idsOf = (messages: WireMap[]): bigint[] =>
  messages.map(({ id }) => BigInt(asIdString(id) ?? 0))

const idAt = (ms: number, n: number): bigint => ((TIME + BigInt(ms)) << 16n) + BigInt(n)
const ascending = (ids: bigint[]): bigint[] => ids.sort((a, b) => (a < b ? -1 : 1))

/** Ids in a few milliseconds, so that many of them share one. */
const dense = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 40 })), {
    maxLength: 60,
    selector: String,
  })
  .map((pairs) => ascending(pairs.map(([ms, n]) => idAt(ms, n))))
/** Ids with a millisecond each. */
const sparse = fc
  .uniqueArray(fc.nat({ max: 200 }), { maxLength: 60 })
  .map((times) => ascending(times.map((ms) => idAt(ms, 0))))
const limit = fc.integer({ min: 1, max: 8 })

/** Everything that paging through a chat gives. */
const walk = async (
  { read }: ReturnType<typeof createChat>,
  size: number,
  back: boolean,
): Promise<bigint[]> => {
  const seen: bigint[] = []
  let from: PageRequest['from'] = back ? until(Number(TIME) + 1000) : after(1n)
  for (let pages = 0; pages < 100; pages += 1) {
    const page = await readPage(read, { limit: size, from })
    const found = idsOf(page.messages)
    expect(found.length).toBeLessThanOrEqual(size)
    if (back) seen.unshift(...found)
    else seen.push(...found)
    if (!page.hasMore) break
    from = back ? before(seen[0] ?? 0n) : after(seen.at(-1) ?? 0n)
  }
  return seen
}

describe('readPage', () => {
  it('gives every message once, in both directions, however many share a millisecond', async () => {
    await fc.assert(
      fc.asyncProperty(dense, limit, fc.boolean(), async (ids, size, back) => {
        expect(await walk(createChat(ids), size, back)).toEqual(ids)
      }),
    )
  })

  it('does so too when windows in the middle come short', async () => {
    const short = fc.integer({ min: 1, max: 3 })
    await fc.assert(
      fc.asyncProperty(sparse, limit, fc.boolean(), short, async (ids, size, back, lost) => {
        expect(await walk(createChat(ids, lost), size, back)).toEqual(ids)
      }),
    )
  })

  it('asks once when the page is full, and looks past one that came short', async () => {
    const ids = Array.from({ length: 5 }, (_, at) => (TIME + BigInt(at)) << 16n)
    const full = createChat(ids)
    const newest = until(Number(TIME) + 10)
    expect(await readPage(full.read, { limit: 3, from: newest })).toMatchObject({ hasMore: true })
    expect(full.asked()).toBe(1)
    const rest = createChat(ids)
    expect(await readPage(rest.read, { limit: 9, from: newest })).toMatchObject({ hasMore: false })
    expect(rest.asked()).toBe(2)
  })

  it('takes a cursor of up to 15 digits for a time', () => {
    expect(before(TIME)).toEqual({ before: TIME << 16n })
    expect(after(TIME)).toEqual({ after: (TIME << 16n) + 65_535n })
    expect(before(117_309_440_008_060_930n)).toEqual({ before: 117_309_440_008_060_930n })
  })
})
