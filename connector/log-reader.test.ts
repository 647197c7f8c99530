import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEventLog } from '../test/support/event-log.ts'
import { KnownMessages } from './known-messages.ts'
import { MAX_READERS, MAX_SCAN, MAX_WAITING, PAGE_BYTES } from './log-reader.ts'
import { LogSize } from './log-size.ts'
import { Retention, type RetentionNews } from './retention.ts'

const DAY_MS = 86_400_000

const all = { types: ['All'] }
const sequences = ({ events }: { events: { sequence: number }[] }) =>
  events.map(({ sequence }) => sequence)
const refusal = (code: string, details?: object) =>
  expect.objectContaining({
    code,
    ...(details && { data: expect.objectContaining({ details }) }),
  })
const thrown = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('a page', () => {
  it('[RD1] holds events behind a place as they were stored', () => {
    const log = createEventLog()
    log.fill(5)
    const page = log.reader.page(2, 2, all)
    expect(page).toEqual({
      events: [3, 4].map((sequence) => ({
        sequence,
        type: 'Message',
        body: `{"sequence":${sequence},"type":"Message","padding":""}`,
      })),
      after: 4,
      hasMore: true,
      oldest: 1,
    })
    expect(log.reader.page(4, 2, all)).toMatchObject({ after: 5, hasMore: false })
  })

  it('[RD1] lets through what the filter names, and passes over the rest', () => {
    const log = createEventLog()
    for (const type of ['Message', 'Raw', 'Typing', 'Message']) log.append({ type })
    const of = (...types: string[]) => log.reader.page(0, 10, { types })
    expect(sequences(of('All'))).toEqual([1, 3, 4])
    expect(sequences(of('All', 'Raw'))).toEqual([1, 2, 3, 4])
    expect(of('Typing')).toMatchObject({ after: 4, hasMore: false })
    expect(sequences(of('Typing'))).toEqual([3])
  })

  it('[RD1] of some chats has their events, and those of no chat', () => {
    const log = createEventLog()
    for (const chatId of ['-7', '8', undefined]) log.append(chatId ? { chatId } : {})
    expect(sequences(log.reader.page(0, 10, { ...all, chats: ['-7'] }))).toEqual([1, 3])
  })

  it('[RD1] is bounded in bytes, but never so that one event has no room', () => {
    const log = createEventLog()
    for (const bytes of [PAGE_BYTES + 1, PAGE_BYTES / 2, PAGE_BYTES / 3, PAGE_BYTES / 3]) {
      log.append({ bytes })
    }
    expect(log.reader.page(0, 10, all)).toMatchObject({ after: 1, hasMore: true })
    expect(log.reader.page(1, 10, all)).toMatchObject({ after: 3, hasMore: true })
  })

  it('[RD1] ends after a bounded number of events, wanted or not', () => {
    const log = createEventLog()
    log.store.transaction(() => log.fill(MAX_SCAN + 1_000))
    const page = log.reader.page(0, 500, { types: ['Typing'] })
    expect(page).toMatchObject({ events: [], hasMore: true })
    expect(page.after).toBeGreaterThanOrEqual(MAX_SCAN)
    expect(log.reader.page(page.after, 500, { types: ['Typing'] })).toMatchObject({
      after: MAX_SCAN + 1_000,
      hasMore: false,
    })
  })

  it('[RD1] after page nothing is skipped and nothing comes twice', () => {
    const event = fc.record({
      type: fc.constantFrom('Message', 'Typing', 'Raw'),
      chatId: fc.constantFrom('1', '2', undefined),
      bytes: fc.constantFrom(0, PAGE_BYTES / 3),
    })
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom<string[]>(['All'], ['Message'], ['Typing', 'Raw']),
        fc.constantFrom<string[] | undefined>(undefined, ['1']),
        (events, limit, types, chats) => {
          const log = createEventLog()
          for (const { chatId, ...rest } of events)
            log.append({ ...rest, ...(chatId && { chatId }) })
          const read: number[] = []
          let after = 0
          for (let hasMore = true; hasMore; ) {
            const page = log.reader.page(after, limit, { types, chats })
            expect(page.events.length).toBeLessThanOrEqual(limit)
            read.push(...sequences(page))
            ;({ after, hasMore } = page)
          }
          const wanted = events.flatMap(({ type, chatId }, index) => {
            const isType = types.includes(type) || (types[0] === 'All' && type !== 'Raw')
            const isChat = chats === undefined || chatId === undefined || chats.includes(chatId)
            return isType && isChat ? [index + 1] : []
          })
          expect(read).toEqual(wanted)
          expect(after).toBe(events.length)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a place', () => {
  it('[RD2] whose next event is gone is refused, with the oldest that is there', () => {
    const log = createEventLog()
    log.fill(5)
    log.deleteThrough(3)
    expect(thrown(() => log.reader.page(2, 1, all))).toEqual(refusal('EVENTS_GONE', { oldest: 4 }))
    expect(thrown(() => log.reader.start({ after: 0 }, 'oldest'))).toEqual(refusal('EVENTS_GONE'))
    expect(sequences(log.reader.page(3, 9, all))).toEqual([4, 5])
    expect(log.reader.start({}, 'oldest')).toBe(3)
    expect(log.reader.start({}, 'newest')).toBe(5)
  })

  it('[RD2] that the log has not reached is refused: later events would be skipped', () => {
    const log = createEventLog()
    expect(thrown(() => log.reader.page(1, 1, all))).toEqual(
      refusal('INVALID_INPUT', { newest: 0 }),
    )
    expect(log.reader.page(0, 1, all)).toEqual({ events: [], after: 0, hasMore: false, oldest: 1 })
  })
})

describe('a read that waits', () => {
  const waiting = { after: 0, limit: 10, waitMs: 30_000, types: ['Message'], chats: ['7'] }

  it('[RD3] answers at the first wanted event and leaves no timer', async () => {
    const log = createEventLog()
    const read = log.reader.read(waiting)
    log.append({ type: 'Typing', chatId: '7' })
    log.append({ chatId: '8' })
    await log.clock.advance(10_000)
    log.append({ chatId: '7' })
    expect(await read).toMatchObject({ events: [{ sequence: 3 }], after: 3, hasMore: false })
    expect(log.clock.pendingTimers).toBe(0)
  })

  it('[RD3] answers without an event when its time is over, past what it did not want', async () => {
    const log = createEventLog()
    const read = log.reader.read(waiting)
    log.append({ type: 'Typing' })
    await log.clock.advance(30_000)
    expect(await read).toEqual({ events: [], after: 1, hasMore: false, oldest: 1 })
    expect(log.clock.pendingTimers).toBe(0)
  })

  it('[RD3] does not wait when there is something', async () => {
    const log = createEventLog()
    log.append({ chatId: '7' })
    expect(sequences(await log.reader.read(waiting))).toEqual([1])
    expect(log.clock.pendingTimers).toBe(0)
  })

  it('[RD3] the one that waits longest answers when there are too many, all when it is over', async () => {
    const log = createEventLog()
    const first = log.reader.read(waiting)
    const others = Array.from({ length: MAX_WAITING }, () => log.reader.read(waiting))
    expect(await first).toMatchObject({ events: [] })
    expect(log.clock.pendingTimers).toBe(MAX_WAITING)
    log.reader.stop()
    await Promise.all(others)
    expect(log.clock.pendingTimers).toBe(0)
  })
})

describe('a named reader', () => {
  it('[RD4] begins where it was first seen and goes on where it acknowledged, over restarts', () => {
    const log = createEventLog()
    log.fill(3)
    expect(log.reader.start({ reader: 'crm' }, 'newest')).toBe(3)
    log.fill(4)
    expect(log.reader.start({ reader: 'crm' }, 'newest')).toBe(3)
    log.reader.acknowledge('crm', 5)
    log.restart()
    expect(log.reader.start({ reader: 'crm' }, 'oldest')).toBe(5)
    expect(log.reader.start({ reader: 'crm', after: 1 }, 'oldest')).toBe(1)
    expect(log.reader.readers()).toMatchObject({
      readers: [{ reader: 'crm', sequence: 5, pending: 2 }],
      oldest: 1,
      newest: 7,
    })
  })

  it('[RD4] never goes back, and acknowledges nothing that is not there', () => {
    const log = createEventLog()
    log.fill(3)
    expect(log.reader.acknowledge('crm', 2)).toMatchObject({ reader: 'crm', sequence: 2 })
    expect(log.reader.acknowledge('crm', 1)).toMatchObject({ sequence: 2, pending: 1 })
    expect(thrown(() => log.reader.acknowledge('crm', 4))).toEqual(refusal('INVALID_INPUT'))
  })

  it('[RD4] [RT1] holds back what retention would delete, is warned, then given up', () => {
    const log = createEventLog()
    log.fill(5)
    log.reader.acknowledge('slow', 2)
    log.reader.acknowledge('done', 5)
    const news: RetentionNews[] = []
    const retention = new Retention({
      store: log.store,
      size: new LogSize(log.sql, 5),
      known: new KnownMessages(log.store),
      random: () => 1,
      clock: log.clock,
      limits: { maxAgeMs: 7 * DAY_MS, maxBytes: 1_000_000 },
      holders: () => log.reader.holders(),
      onNews: (each) => news.push(each),
    })
    log.clock.jump(8 * DAY_MS)
    log.append()
    retention.run()
    expect(log.reader.oldest).toBe(3)
    expect(news).toMatchObject([{ webhookId: 'reader:slow', pending: 4 }])
    log.clock.jump(DAY_MS)
    retention.run()
    expect(log.reader.oldest).toBe(6)
    expect(news.at(-1)).toMatchObject({ webhookId: 'reader:slow', dropped: 3 })
    expect(log.reader.start({ reader: 'slow' }, 'newest')).toBe(5)
  })

  it('[RD4] is forgotten when it is deleted', () => {
    const log = createEventLog()
    log.fill(3)
    log.reader.acknowledge('crm', 1)
    log.reader.forget('crm')
    expect(log.reader.holders()).toEqual([])
    expect(thrown(() => log.reader.forget('crm'))).toEqual(refusal('NOT_FOUND'))
  })

  it('[RD4] is one of twenty', () => {
    const log = createEventLog()
    for (let n = 0; n < MAX_READERS; n += 1) log.reader.acknowledge(`reader-${n}`, 0)
    expect(thrown(() => log.reader.start({ reader: 'more' }, 'newest'))).toEqual(
      refusal('CONFLICT'),
    )
    expect(log.reader.acknowledge('reader-1', 0).sequence).toBe(0)
  })
})
