import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { settle } from '../test/support/fake-clock.ts'
import {
  createDelivery,
  FakeDestination,
  type Life,
  pass,
} from '../test/support/fake-destination.ts'
import { FLUSH_MS } from './delivery.ts'
import type { Destination, Outcome } from './destination.ts'
import { RETRY_JITTER, RETRY_SCHEDULE_MS } from './retry-schedule.ts'
import type { LoggedEvent } from './store.ts'

/** Most events appended at once; delivering one takes less than one `settle`. */
const BURST = 40
const HOUR = 3_600_000
const TIMEOUT_MS = 15_000
const shortestWait = (failures: number): number =>
  Math.floor(
    (RETRY_SCHEDULE_MS[Math.min(failures, RETRY_SCHEDULE_MS.length) - 1] as number) *
      (1 - RETRY_JITTER),
  )
const CHATS = ['a', 'b', 'c', 'd', 'e']

type Mood = 'ok' | 'failing' | 'hanging' | 'flaky' | 'busy' | 'poison'
type Step =
  | { do: 'append'; chat: string; count: number }
  | { do: 'time'; ms: number }
  | { do: 'jump'; ms: number }
  | { do: 'crash' }
  | { do: 'mood'; of: number; mood: Mood }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    chat: fc.constantFrom(...CHATS),
    count: fc.integer({ min: 1, max: BURST }),
  }),
  fc.record({
    do: fc.constant('time' as const),
    ms: fc.constantFrom(50, FLUSH_MS, 6_000, 40_000, HOUR, 30 * HOUR, 90 * HOUR),
  }),
  fc.record({ do: fc.constant('jump' as const), ms: fc.constantFrom(-HOUR, -5_000, 5_000, HOUR) }),
  fc.constant({ do: 'crash' as const }),
  fc.record({
    do: fc.constant('mood' as const),
    of: fc.integer({ min: 0, max: 4 }),
    mood: fc.constantFrom<Mood>('ok', 'failing', 'hanging', 'flaky', 'busy', 'poison'),
  }),
)

/** Kinds of destinations that share the log; the last one never has trouble. */
const kinds: [string, Partial<Destination>][] = [
  ['chat', {}],
  ['strict', { order: 'strict' }],
  ['none', { order: 'none' }],
  ['batch', { batch: { maxEvents: 7, maxWaitMs: 1_000 } }],
  ['forever', { givesUp: false }],
]

/** A time on the clock, and how often the clock had jumped before. */
interface Moment {
  at: number
  jumps: number
}

/** One run of a script, checked at every attempt and after every step. */
const play = async (script: Step[], coin: Iterator<boolean>): Promise<void> => {
  const world = createDelivery({
    random: () => (coin.next().value ? 1 : 0),
    log: (_level, message, fields) => {
      expect(message).toBe('delivery failed')
      const id = String(fields?.destination)
      const start = began.get(`${id} ${fields?.eventId}`) ?? 0
      // What began before the pause says nothing new.
      if (start < (failing.get(id)?.order ?? 0)) return
      failing.set(id, { at: clock.now(), jumps, order: ++order })
    },
  })
  const { clock, rows } = world
  const moods = new Map<string, Mood>()
  const appended: { id: string; chat: string; sequence: number }[] = []
  let life: Life = world
  /** Moments of the clock mean nothing across a jump. */
  let jumps = 0
  const broken: string[] = []
  const taken: (Moment & { destination: string; sequence: number; lane: number })[] = []
  const failures = new Map<string, Moment & { attempt: number }>()
  /** Destinations whose last outcome was a failure, and when that was. */
  const failing = new Map<string, Moment & { order: number }>()
  /** The last attempt at each event, numbered as they began. */
  const began = new Map<string, number>()
  let order = 0

  const answerOf = (id: string, sequence: number): Outcome | Promise<Outcome> => {
    const mood = moods.get(id) ?? 'ok'
    if (mood === 'poison' && sequence % 5 === 0) return { kind: 'failed', error: 'no' }
    if (mood === 'failing' || (mood === 'flaky' && coin.next().value)) {
      return { kind: 'failed', error: 'no' }
    }
    if (mood === 'busy') return { kind: 'failed', error: '429', retryAfterMs: 90_000 }
    if (mood !== 'hanging') return { kind: 'delivered' }
    return new Promise((resolve) => {
      clock.after(TIMEOUT_MS, () => resolve({ kind: 'failed', error: 'timeout' }))
    })
  }

  /** What must hold whenever an attempt begins. A thrown error would be taken for its failure. */
  const inspect = (own: FakeDestination, event: LoggedEvent, attempt: number): void => {
    if (destinations.get(own.id) !== own) return
    began.set(`${own.id} ${event.id}`, ++order)
    const check = (holds: boolean, rule: string) => {
      if (!holds) broken.push(`${own.id} ${event.id}, attempt ${attempt}: ${rule}`)
    }
    const since = (moment: Moment) => (moment.jumps === jumps ? clock.now() - moment.at : Infinity)
    const recorded = rows.cursors(own.id).find(({ lane }) => lane === event.lane)?.sequence ?? 0
    // An event that was let pass is behind the cursor, and comes again all the same.
    check(own.order === 'none' || event.sequence > recorded, 'its success was recorded')
    check(attempt <= RETRY_SCHEDULE_MS.length + 1 || own.givesUp === false, 'too many attempts')
    const last = failures.get(`${own.id} ${event.id}`)
    if (last !== undefined && attempt > last.attempt) {
      check(since(last) >= shortestWait(last.attempt), 'tried again too early')
    }
    const pause = failing.get(own.id)
    // A success beside the failure may have been recorded since.
    if (pause === undefined || life.delivery.report(own.id)?.failures === 0) return
    check(own.inFlight === 1, 'not the only probe')
    check(since(pause) >= shortestWait(1), 'a probe during the pause')
  }

  const destinations = new Map<string, FakeDestination>()
  const open = (): void => {
    for (const [id, settings] of [...kinds, ['well', {}] as const]) {
      const own = new FakeDestination(id, clock, settings)
      // What was received before a crash stays received.
      own.received.push(...(destinations.get(id)?.received ?? []))
      own.answer = async (event, { attempt }) => {
        inspect(own, event, attempt)
        const outcome = await answerOf(id, event.sequence)
        // The answer to a process that is no more.
        if (destinations.get(id) !== own) return outcome
        const { lane, sequence } = event
        const moment = { at: clock.now(), jumps }
        if (outcome.kind === 'delivered') {
          taken.push({ destination: id, lane, sequence, ...moment })
          failing.delete(id)
        } else failures.set(`${id} ${event.id}`, { attempt, ...moment })
        return outcome
      }
      destinations.set(id, own)
    }
    life.delivery.setDestinations([...destinations.values()])
  }

  const crash = async (): Promise<void> => {
    // Whatever is older than the flush window has been recorded.
    for (const { destination, lane, sequence, at, jumps: then } of taken) {
      if (then !== jumps || clock.now() - at <= FLUSH_MS) continue
      const cursor = rows.cursors(destination).find((each) => each.lane === lane)
      expect(cursor?.sequence).toBeGreaterThanOrEqual(sequence)
    }
    taken.length = 0
    life = world.restart()
    open()
  }

  open()
  for (const each of script) {
    if (each.do === 'append') {
      for (let i = 0; i < each.count; i += 1) {
        const id = `${each.chat}${appended.length}`
        const { sequence } = world.append(id, each.chat, 'Message', life)
        appended.push({ id, chat: each.chat, sequence })
        if (coin.next().value) await settle()
      }
    } else if (each.do === 'time') await pass(clock, life.delivery, each.ms)
    else if (each.do === 'mood') moods.set(kinds[each.of]?.[0] as string, each.mood)
    else if (each.do === 'crash') await crash()
    else {
      jumps += 1
      clock.jump(each.ms)
      life.delivery.kick()
    }
    for (let i = 0; i < BURST; i += 1) await settle()
    expect(broken).toEqual([])
    // Whatever the others do, the one that is well has everything at once.
    expect(new Set(destinations.get('well')?.received).size).toBe(appended.length)
  }

  moods.clear()
  await pass(clock, life.delivery, 400 * HOUR)
  expect(broken).toEqual([])
  // Five days of nothing but failures end one: the script may be that long.
  const ended = new Set(world.disabled.map(({ id }) => id))
  expect([...ended]).not.toContain('forever')
  expect([...ended]).not.toContain('well')
  for (const [id, { received }] of destinations) {
    if (ended.has(id)) continue
    const parked = world.sql
      .all('SELECT sequence FROM parked WHERE destination = ?', id)
      .map(({ sequence }) => sequence)
    const givenUp = new Set(
      appended.filter(({ sequence }) => parked.includes(sequence)).map((event) => event.id),
    )
    if (id === 'forever') expect(givenUp.size).toBe(0)
    const firsts = [...new Set(received)]
    expect(new Set([...firsts, ...givenUp])).toEqual(new Set(appended.map((event) => event.id)))
    if (id === 'none') continue
    for (const chat of id === 'strict' || id === 'batch' ? [undefined] : CHATS) {
      const expected = appended
        .filter((event) => chat === undefined || event.chat === chat)
        .map((event) => event.id)
        .filter((event) => firsts.includes(event))
      expect(firsts.filter((event) => expected.includes(event))).toEqual(expected)
    }
  }
  // One that was ended says so for good.
  const { pending, failing: isFailing } = life.delivery.summary()
  expect({ pending, isFailing }).toEqual({ pending: 0, isFailing: ended.size > 0 })
}

describe('Delivery', () => {
  it(
    '[DL8] loses, doubles and holds up nothing for any mix of outcomes, crashes and clock jumps',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 30 }),
          fc.infiniteStream(fc.boolean()),
          async (script, coin) => play(script, coin),
        ),
        { numRuns: Number(process.env.PROPERTY_RUNS ?? 100) },
      ),
    60_000,
  )
})
