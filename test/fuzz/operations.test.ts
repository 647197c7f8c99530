import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Operation, type OperationName, operations } from '../../schema/operations/index.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'
import { type Spoiling, spoilBody, spoiling, spoilQuery } from './hostile.ts'

const REQUESTS = 20_000
const AT_ONCE = 24
/** A tenant is used up: what it is made to do ends its session, fills its chats, closes its doors. */
const PER_TENANT = 100
const HANGS_AFTER_MS = 45_000

const rows = (Object.entries(operations) as [OperationName, Operation][]).filter(
  // A stream does not end by itself.
  ([, row]) => !('stream' in row && row.stream),
)

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

interface Shot {
  row: number
  spoiling: Spoiling
  /** Ids of the example are replaced by those of a chat that is there. */
  real: boolean
  seed: number
}

/** Ids that lead somewhere, under the names that fields have. */
const realIds = ({ account }: LiveTenant, friend: LiveTenant): Record<string, unknown> => {
  const chatId = Number(BigInt(account.id) ^ BigInt(friend.account.id))
  return { chatId, userId: friend.account.id, userIds: [friend.account.id], chatIds: [chatId] }
}

/** Fields of the row's example, with ids that lead somewhere if the shot wants them. */
const goodFor = (row: Operation, shot: Shot, ids: Record<string, unknown>) => {
  const good: Record<string, unknown> = { ...row.example.input }
  if (shot.real) {
    for (const name of Object.keys(good)) if (name in ids) good[name] = ids[name]
  }
  return good
}

const withDeadline = async <Value>(promise: Promise<Value>, what: string): Promise<Value> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${what}`)), HANGS_AFTER_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

describe('any input', () => {
  it(`[defect 3] of ${REQUESTS} requests, over all operations, ends in an answer and none in a 500`, async () => {
    const shots = fc.sample(
      fc.record({
        row: fc.nat(rows.length - 1),
        spoiling,
        real: fc.boolean(),
        seed: fc.nat(1_000_000),
      }),
      { numRuns: REQUESTS, seed: Number(process.env.FUZZ_SEED ?? 20_261_125) },
    )
    const statuses = new Map<number, number>()
    const broken = new Set<string>()
    let next = 0
    const lane = async (): Promise<void> => {
      let pair: { me: LiveTenant; friend: LiveTenant } | undefined
      let used = 0
      for (let shot = shots[next++]; shot !== undefined; shot = shots[next++]) {
        if (pair === undefined || used >= PER_TENANT) {
          pair = await world.enterPair()
          used = 0
        }
        used += 1
        const { me, friend } = pair
        const [name, row] = rows[shot.row] as [OperationName, Operation]
        const fields = Object.keys(row.input.shape)
        const good = goodFor(row, shot, realIds(me, friend))
        const isGet = row.method === 'GET'
        const body = (isGet ? spoilQuery : spoilBody)(fields, good, shot.spoiling)
        const path = row.path.replace(/:\w+/g, shot.real ? me.id : `x${shot.seed}`)
        const call = {
          ...(row.scope === 'admin' ? { admin: true } : { token: me.token }),
          ...(isGet ? {} : { body }),
        }
        const what = `${name} ${body.slice(0, 300)}`
        const asked = world.edge.request(row.method, isGet ? `${path}?${body}` : path, call)
        // The harness refuses an answer that the document does not have.
        const answer = await withDeadline(asked, what).catch((error: Error) => {
          broken.add(`${what}\n  ${error.message}`)
        })
        if (answer === undefined) continue
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        if (answer.status === 500) broken.add(what)
        // Ended sessions answer everything alike: a fresh tenant tells more.
        if (answer.status === 503 || answer.status === 401) pair = undefined
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    expect([...broken].slice(0, 20)).toEqual([])
    // It would prove nothing if nearly all were refused at the door.
    expect(statuses.get(200) ?? 0).toBeGreaterThan(REQUESTS / 10)
  }, 300_000)
})
