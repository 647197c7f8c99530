import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { settle } from '../test/support/fake-clock.ts'
import { createDelivery, FakeDestination, pass } from '../test/support/fake-destination.ts'
import { KnownMessages } from './known-messages.ts'
import { laneOf } from './lane.ts'
import { LogSize, SEGMENT } from './log-size.ts'
import { RETENTION_GRACE_MS, Retention, type RetentionNews, retentionPlan } from './retention.ts'

const DAY_MS = 86_400_000
const EVENT_BYTES = 1_000

/** A log with its limits; an event has 1,000 bytes. */
const create = (limits: { maxAgeMs?: number; maxBytes?: number } = {}) => {
  const world = createDelivery()
  const { store, delivery, clock } = world
  const size = new LogSize(world.sql, store.lastSequence)
  const news: RetentionNews[] = []
  const retention = new Retention({
    store,
    size,
    known: new KnownMessages(store),
    clock,
    random: () => 1,
    limits: { maxAgeMs: 7 * DAY_MS, maxBytes: 200_000_000, ...limits },
    holders: () => delivery.holders(),
    onNews: (one) => news.push(one),
  })
  let count = 0
  const append = (events: number, chat = 'chat'): void => {
    for (let n = 0; n < events; n += 1) {
      count += 1
      const event = store.appendEvent(
        { type: 'Message', lane: laneOf(chat), chatId: chat, createdAt: clock.now() },
        (sequence) => ({ id: `evt_${count}`, body: `${sequence}`.padEnd(EVENT_BYTES, '.') }),
      )
      if (event === undefined) throw new Error('appended twice')
      delivery.appended(event)
      retention.appended(event)
    }
  }
  const remaining = () => Number(world.sql.all('SELECT count(*) AS n FROM events')[0]?.n)
  const oldest = () => Number(world.sql.all('SELECT min(sequence) AS n FROM events')[0]?.n)
  return { ...world, size, news, retention, append, remaining, oldest }
}

/** One that takes nothing, and is never given up. */
const dead = (world: ReturnType<typeof create>): FakeDestination => {
  const destination = new FakeDestination('dead', world.clock, { givesUp: false })
  destination.answer = () => ({ kind: 'failed', error: 'down' })
  world.delivery.setDestinations([destination])
  return destination
}

describe('Retention', () => {
  it('[RT1] deletes what is older than it may be and what nobody needs, but never the newest', async () => {
    const world = create()
    world.append(10)
    await world.clock.advance(4 * DAY_MS)
    world.append(5)
    world.retention.run()
    expect(world.remaining()).toBe(15)
    await world.clock.advance(4 * DAY_MS)
    world.retention.run()
    expect([world.remaining(), world.oldest()]).toEqual([5, 11])
    await world.clock.advance(30 * DAY_MS)
    world.retention.run()
    expect([world.remaining(), world.oldest()]).toEqual([1, 15])
    expect(world.news).toEqual([])
  })

  it('[RT2] keeps the log within its size as it grows', () => {
    const maxBytes = 2_000 * EVENT_BYTES
    const world = create({ maxBytes })
    world.append(5_000)
    expect(world.size.bytes).toBeLessThanOrEqual(maxBytes + SEGMENT * EVENT_BYTES)
    expect(world.remaining()).toBeGreaterThan(1_500)
  })

  it('[RT3] warns whoever still needs events, waits a day, then gives up and says how many', async () => {
    const world = create()
    dead(world)
    world.append(20)
    await settle()
    await world.clock.advance(8 * DAY_MS)
    world.retention.run()
    expect(world.remaining()).toBe(20)
    expect(world.news).toEqual([
      {
        webhookId: 'dead',
        reason: 'the log is older than it may be',
        pending: 20,
        deadline: new Date(world.clock.now() + RETENTION_GRACE_MS).toISOString(),
      },
    ])
    expect(world.retention.warning?.deadline).toBe(world.clock.now() + RETENTION_GRACE_MS)
    // Said once, not every hour.
    await world.clock.advance(DAY_MS - 1)
    world.retention.run()
    expect([world.remaining(), world.news.length]).toEqual([20, 1])
    await world.clock.advance(1)
    world.retention.run()
    expect(world.news.at(-1)).toMatchObject({ webhookId: 'dead', dropped: 19 })
    expect(world.remaining()).toBe(1)
    world.retention.run()
    expect(world.retention.warning).toBeUndefined()
  })

  it('[RT3] says nothing when the receiver comes back in time', async () => {
    const world = create()
    const destination = dead(world)
    world.append(20)
    await settle()
    await world.clock.advance(8 * DAY_MS)
    world.retention.run()
    destination.answer = () => ({ kind: 'delivered' })
    for (let n = 0; n < 20; n += 1) await pass(world.clock, world.delivery, 10)
    expect(new Set(destination.received).size).toBe(20)
    await world.clock.advance(2 * DAY_MS)
    world.retention.run()
    expect(world.news.filter(({ dropped }) => dropped !== undefined)).toEqual([])
    expect(world.retention.warning).toBeUndefined()
  })

  it('[RT4] does not wait at twice the limit', async () => {
    const world = create({ maxBytes: 1_000 * EVENT_BYTES })
    dead(world)
    world.append(2_000)
    await settle()
    expect(world.news.map(({ dropped }) => dropped)).toEqual([undefined])
    world.append(1_000)
    expect(world.news.some(({ dropped = 0 }) => dropped > 0)).toBe(true)
    expect(world.size.bytes).toBeLessThanOrEqual((2_000 + SEGMENT) * EVENT_BYTES)
  })

  it('[RT5] for any facts, nothing that is needed goes before its time', () => {
    const number = fc.integer({ min: 0, max: 1_000 })
    fc.assert(
      fc.property(
        number,
        number,
        fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
        fc.option(fc.integer({ min: 0, max: 2 * DAY_MS }), { nil: undefined }),
        (one, other, neededFrom, warnedAt) => {
          const now = 2 * DAY_MS
          const [hardCut, softCut] = [Math.min(one, other), Math.max(one, other)]
          const plan = retentionPlan({ now, softCut, hardCut, neededFrom, warnedAt })
          const isOverdue = warnedAt !== undefined && now - warnedAt >= RETENTION_GRACE_MS
          const allowed = isOverdue ? softCut : hardCut
          expect(plan.deleteThrough).toBeLessThanOrEqual(softCut)
          if (neededFrom === undefined) {
            expect(plan).toEqual({ warning: 'none', giveUpThrough: 0, deleteThrough: softCut })
          } else if (plan.deleteThrough >= neededFrom) {
            expect(plan.giveUpThrough).toBeGreaterThanOrEqual(neededFrom)
            expect(plan.deleteThrough).toBeLessThanOrEqual(allowed)
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('LogSize', () => {
  it('[RT6] counts what is there, over appends, deletions and restarts', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ append: fc.integer({ min: 1, max: 700 }) }),
            fc.record({ deleteShare: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
            fc.constant({ restart: true as const }),
          ),
          { maxLength: 12 },
        ),
        (steps) => {
          const { store, sql, clock } = createDelivery()
          let size = new LogSize(sql, 0)
          for (const step of steps) {
            if ('append' in step) {
              for (let n = 0; n < step.append; n += 1) {
                const facts = { type: 'A', lane: 0, createdAt: clock.now() }
                const event = store.appendEvent(facts, (sequence) => ({
                  id: 'e',
                  body: `${sequence} ы👋`,
                }))
                if (event !== undefined) size.appended(event)
              }
            } else if ('deleteShare' in step) {
              size.deleteThrough(Math.floor((store.lastSequence - 1) * step.deleteShare))
            } else size = new LogSize(sql, store.lastSequence)
            const rows = sql.all('SELECT body FROM events')
            const bytes = rows.reduce((sum, { body }) => sum + Buffer.byteLength(String(body)), 0)
            expect(size.bytes).toBe(bytes)
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})
