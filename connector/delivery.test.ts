import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock, settle } from '../test/support/fake-clock.ts'
import { nodeSql } from '../test/support/node-sql.ts'
import {
  Delivery,
  type Destination,
  type EventFacts,
  LANES,
  laneOf,
  type Outcome,
  RETRY_SCHEDULE_MS,
  retryDelay,
} from './delivery.ts'
import { migrate } from './migrations.ts'
import { type LoggedEvent, Store } from './store.ts'

const HOUR = 3_600_000

/** A receiver whose answers the test scripts; what it got is in `received`. */
class Receiver implements Destination {
  readonly id: string
  url = 'https://example.com/hook'
  readonly received: string[] = []
  readonly attempts: { id: string; attempt: number; at: number }[] = []
  answer: (event: LoggedEvent, attempt: number) => Outcome | Promise<Outcome> = () => ({
    kind: 'delivered',
  })
  inFlight = 0
  mostInFlight = 0
  #clock: FakeClock

  constructor(id: string, clock: FakeClock) {
    this.id = id
    this.#clock = clock
  }

  wants({ type }: EventFacts): boolean {
    return type !== 'Unwanted'
  }

  async deliver(event: LoggedEvent, attempt: number): Promise<Outcome> {
    this.attempts.push({ id: event.id, attempt, at: this.#clock.now() })
    this.inFlight += 1
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    try {
      const outcome = await this.answer(event, attempt)
      if (outcome.kind === 'delivered') this.received.push(event.id)
      return outcome
    } finally {
      this.inFlight -= 1
    }
  }
}

/** Lets time pass; the object's alarm rings whenever the delivery asked for it. */
const pass = async (clock: FakeClock, delivery: Delivery, ms: number): Promise<void> => {
  const end = clock.now() + ms
  while (clock.now() < end) {
    const next = delivery.nextAt() ?? end
    await clock.advance(Math.max(1, Math.min(next, end) - clock.now()))
    delivery.kick()
    await settle()
  }
}

const setup = () => {
  const sql = nodeSql()
  migrate(sql)
  const clock = new FakeClock()
  const gone: string[] = []
  const restart = () => {
    const store = new Store(sql)
    const delivery = new Delivery({
      store,
      clock,
      random: () => 0.5,
      log: () => {},
      onGone: ({ id }) => gone.push(id),
    })
    return { store, delivery }
  }
  const world = { clock, gone, restart, ...restart(), sql }
  const append = (id: string, chat = 'chat', type = 'Message') =>
    world.store.appendEvent(
      { id, type, lane: laneOf(chat), createdAt: clock.now() },
      (sequence) => `{"id":"${id}","sequence":${sequence}}`,
    )
  return { ...world, append }
}

describe('Delivery', () => {
  it('[DL1] delivers in order within a chat and goes on after a restart where it stopped', async () => {
    const { delivery, append, clock, restart } = setup()
    const receiver = new Receiver('webhook', clock)
    delivery.setDestinations([receiver])
    for (const id of ['a', 'b', 'c']) append(id)
    delivery.kick()
    await clock.advance(1_000)
    expect(receiver.received).toEqual(['a', 'b', 'c'])
    delivery.stop()
    append('d')
    restart().delivery.setDestinations([receiver])
    await clock.advance(1_000)
    expect(receiver.received).toEqual(['a', 'b', 'c', 'd'])
  })

  it('[DL2] a new destination starts at the end of the log and gets only what it wants', async () => {
    const { delivery, append, clock } = setup()
    append('before')
    const receiver = new Receiver('webhook', clock)
    delivery.setDestinations([receiver])
    append('no', 'chat', 'Unwanted')
    append('yes')
    delivery.kick()
    await clock.advance(10)
    expect(receiver.received).toEqual(['yes'])
    expect(delivery.summary()).toEqual({ pending: 0, failing: false })
  })

  it('[DL3] a failing destination pauses as a whole and gets one probe at a time', async () => {
    const { delivery, append, clock } = setup()
    const receiver = new Receiver('webhook', clock)
    let up = false
    receiver.answer = () => (up ? { kind: 'delivered' } : { kind: 'failed', error: 'down' })
    delivery.setDestinations([receiver])
    for (let i = 0; i < 20; i += 1) append(`e${i}`, `chat${i}`)
    delivery.kick()
    await clock.advance(1)
    // All lanes found out at once; from now on there is one probe a pause.
    expect(receiver.attempts.length).toBeLessThanOrEqual(LANES)
    const before = receiver.attempts.length
    await pass(clock, delivery, 30_000)
    expect(receiver.attempts.length - before).toBeLessThanOrEqual(2)
    expect(delivery.summary()).toMatchObject({ pending: 20, failing: true, lastError: 'down' })
    up = true
    await pass(clock, delivery, HOUR)
    expect(new Set(receiver.received).size).toBe(20)
    expect(delivery.summary()).toEqual({ pending: 0, failing: false })
  })

  it('[DL3] lanes that fail side by side count as one failure', async () => {
    const { delivery, append, clock } = setup()
    const receiver = new Receiver('webhook', clock)
    let up = false
    receiver.answer = () => (up ? { kind: 'delivered' } : { kind: 'failed', error: 'down' })
    delivery.setDestinations([receiver])
    for (let i = 0; i < 20; i += 1) append(`e${i}`, `chat${i}`)
    delivery.kick()
    await clock.advance(1)
    expect(receiver.attempts).toHaveLength(LANES)
    up = true
    await pass(clock, delivery, 6_000)
    expect(new Set(receiver.received).size).toBe(20)
    expect(delivery.summary()).toEqual({ pending: 0, failing: false })
  })

  it('[DL4] follows the schedule, then parks the event and the lane goes on', async () => {
    const { delivery, append, clock, sql } = setup()
    const receiver = new Receiver('webhook', clock)
    receiver.answer = (event) =>
      event.id === 'poison' ? { kind: 'failed', error: '500' } : { kind: 'delivered' }
    delivery.setDestinations([receiver])
    append('poison')
    append('next')
    delivery.kick()
    await pass(clock, delivery, 100 * HOUR)
    const tries = receiver.attempts.filter(({ id }) => id === 'poison')
    expect(tries.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: RETRY_SCHEDULE_MS.length + 1 }, (_, i) => i + 1),
    )
    const waits = tries.slice(1).map(({ at }, i) => at - tries[i]!.at)
    expect(waits).toEqual(RETRY_SCHEDULE_MS)
    expect(receiver.received).toEqual(['next'])
    expect(sql.all('SELECT destination, sequence, error FROM parked')).toEqual([
      { destination: 'webhook', sequence: 1, error: '500' },
    ])
  })

  it('[DL5] a poisonous event of one chat does not starve the others', async () => {
    const { delivery, append, clock } = setup()
    const receiver = new Receiver('webhook', clock)
    receiver.answer = (event) =>
      event.id === 'poison' ? { kind: 'failed', error: '500' } : { kind: 'delivered' }
    delivery.setDestinations([receiver])
    const others = Array.from({ length: 50 }, (_, i) => `chat${i}`).filter(
      (chat) => laneOf(chat) !== laneOf('bad'),
    )
    append('poison', 'bad')
    delivery.kick()
    await clock.advance(1)
    for (const chat of others) append(chat, chat)
    delivery.kick()
    await pass(clock, delivery, 7_000)
    expect(receiver.received).toHaveLength(others.length)
  })

  it('[DL6] 410 ends a destination; one bad destination never delays another', async () => {
    const { delivery, append, clock, gone } = setup()
    const dead = new Receiver('dead', clock)
    const slow = new Receiver('slow', clock)
    const good = new Receiver('good', clock)
    dead.answer = () => ({ kind: 'gone', error: '410' })
    slow.answer = () => new Promise(() => {})
    delivery.setDestinations([dead, slow, good])
    for (const id of ['a', 'b', 'c']) append(id)
    delivery.kick()
    await clock.advance(1)
    expect(good.received).toEqual(['a', 'b', 'c'])
    expect(gone).toEqual(['dead'])
    expect(slow.attempts).toHaveLength(1)
  })

  it('[DL9] telling the same settings again changes nothing; another address starts afresh', async () => {
    const { delivery, append, clock, restart } = setup()
    const receiver = new Receiver('webhook', clock)
    receiver.answer = () => ({ kind: 'failed', error: 'down' })
    delivery.setDestinations([receiver])
    append('a')
    delivery.kick()
    await pass(clock, delivery, 6_000)
    expect(receiver.attempts).toHaveLength(2)
    for (let i = 0; i < 20; i += 1) delivery.setDestinations([receiver])
    await settle()
    expect(receiver.attempts).toHaveLength(2)
    delivery.stop()
    // Nor does a restart: the wait is kept with the place in the log.
    restart().delivery.setDestinations([receiver])
    await settle()
    expect(receiver.attempts).toHaveLength(2)
    const moved = new Receiver('webhook', clock)
    moved.url = 'https://example.com/other'
    restart().delivery.setDestinations([receiver])
    const third = restart().delivery
    third.setDestinations([receiver])
    third.setDestinations([moved])
    await settle()
    expect(moved.attempts.map(({ attempt }) => attempt)).toEqual([1])
    expect(moved.received).toEqual(['a'])
  })

  it('[DL9] what an old address answers late is not held against the new one', async () => {
    const { delivery, append, clock, gone } = setup()
    const old = new Receiver('webhook', clock)
    let answer: (outcome: Outcome) => void = () => {}
    old.answer = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    delivery.setDestinations([old])
    append('a')
    delivery.kick()
    await settle()
    const moved = new Receiver('webhook', clock)
    moved.url = 'https://example.com/other'
    delivery.setDestinations([moved])
    answer({ kind: 'gone', error: '410' })
    await clock.advance(10)
    expect(gone).toEqual([])
    expect(moved.received).toEqual(['a'])
  })

  it('[DL7] honours Retry-After up to an hour, never shortens the schedule, jitters by 20 %', () => {
    expect(retryDelay(1, 60_000, () => 0.5)).toBe(60_000)
    expect(retryDelay(1, 100 * HOUR, () => 0.5)).toBe(HOUR)
    expect(retryDelay(3, 1_000, () => 0.5)).toBe(120_000)
    expect(retryDelay(2, 0, () => 0)).toBe(24_000)
    expect(retryDelay(2, 0, () => 1)).toBe(36_000)
    expect(retryDelay(99, 0, () => 0.5)).toBe(24 * HOUR)
  })

  it('[DL8] for any mix of outcomes and crashes nothing is lost and chats stay in order', async () => {
    const action = fc.oneof(
      fc.record({ do: fc.constant('append' as const), chat: fc.constantFrom('a', 'b', 'c', 'd') }),
      fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(50, 6_000, 40_000, HOUR) }),
      fc.constant({ do: 'crash' as const }),
      fc.record({ do: fc.constant('mood' as const), failing: fc.boolean() }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40 }),
        fc.infiniteStream(fc.boolean()),
        async (script, coin) => {
          const world = setup()
          const { clock } = world
          let failing = false
          const firsts: string[] = []
          let { store, delivery } = world
          const start = () => {
            const receiver = new Receiver('webhook', clock)
            receiver.answer = (event) => {
              if (failing && coin.next().value) return { kind: 'failed', error: 'no' }
              if (!firsts.includes(event.id)) firsts.push(event.id)
              return { kind: 'delivered' }
            }
            delivery.setDestinations([receiver])
          }
          start()
          const appended: { id: string; chat: string }[] = []
          for (const step of script) {
            if (step.do === 'append') {
              const id = `${step.chat}${appended.length}`
              appended.push({ id, chat: step.chat })
              store.appendEvent(
                { id, type: 'Message', lane: laneOf(step.chat), createdAt: clock.now() },
                () => '{}',
              )
              delivery.kick()
            } else if (step.do === 'time') await pass(clock, delivery, step.ms)
            else if (step.do === 'mood') failing = step.failing
            else {
              // A crash: no stop, no flush; whatever was not written is forgotten.
              ;({ store, delivery } = world.restart())
              start()
            }
            await settle()
          }
          failing = false
          await pass(clock, delivery, 200 * HOUR)
          expect(new Set(firsts)).toEqual(new Set(appended.map(({ id }) => id)))
          for (const chat of ['a', 'b', 'c', 'd']) {
            const sent = appended.filter((event) => event.chat === chat).map(({ id }) => id)
            expect(firsts.filter((id) => sent.includes(id))).toEqual(sent)
          }
          expect(delivery.summary().pending).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
  })
})
