import { describe, expect, it } from 'vitest'
import { settle } from '../test/support/fake-clock.ts'
import { createDelivery, FakeDestination, pass } from '../test/support/fake-destination.ts'
import type { Destination } from './destination.ts'
import { LANES, laneOf } from './lane.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const down = { kind: 'failed', error: 'down' } as const
const delivered = { kind: 'delivered' } as const

/** A delivery with one destination of the given kind. */
const create = (settings: Partial<Destination> = {}) => {
  const world = createDelivery()
  const receiver = new FakeDestination('default', world.clock, settings)
  world.delivery.setDestinations([receiver])
  return { ...world, receiver }
}

/** Chats of different lanes. */
const [left = '', right = ''] = Array.from({ length: 20 }, (_, i) => `chat${i}`).filter(
  (chat, index, all) => index === 0 || laneOf(chat) !== laneOf(all[0]),
)

describe('order', () => {
  it('[DL10] strict: one event at a time, in the order of the log', async () => {
    const { append, clock, delivery, receiver } = create({ order: 'strict' })
    receiver.answer = ({ id }) => (id === 'e3' && clock.now() < start + HOUR ? down : delivered)
    const start = clock.now()
    for (let i = 0; i < 10; i += 1) append(`e${i}`, `chat${i}`)
    await settle()
    expect(receiver.received).toEqual(['e0', 'e1', 'e2'])
    await pass(clock, delivery, 5 * HOUR)
    expect(receiver.received).toEqual(Array.from({ length: 10 }, (_, i) => `e${i}`))
    expect(receiver.mostInFlight).toBe(1)
  })

  it('[DL11] none: an event that fails lets those behind it pass, and is tried again', async () => {
    const { append, clock, delivery, receiver } = create({ order: 'none' })
    receiver.answer = ({ id }, { attempt }) => (id === 'a' && attempt < 3 ? down : delivered)
    for (const id of ['a', 'b', 'c']) append(id)
    await pass(clock, delivery, 10_000)
    expect(receiver.received).toEqual(['b', 'c'])
    await pass(clock, delivery, HOUR)
    expect(receiver.received).toEqual(['b', 'c', 'a'])
    expect(receiver.attempts.filter(({ ids }) => ids[0] === 'a')).toMatchObject([
      { attempt: 1, replay: false },
      { attempt: 2, replay: false },
      { attempt: 3, replay: false },
    ])
    expect(delivery.report('default')).toMatchObject({ pending: 0, redeliveries: 0 })
  })

  it('[DL12] another order keeps the place in the log', async () => {
    const { append, clock, delivery, receiver } = create()
    receiver.answer = ({ id }) => (id === left ? down : delivered)
    append(left, left)
    append(right, right)
    await settle()
    receiver.answer = () => delivered
    receiver.order = 'strict'
    delivery.setDestinations([receiver])
    await pass(clock, delivery, 10_000)
    expect(receiver.received).toEqual([right, left])
  })
})

describe('batches', () => {
  const batch = { maxEvents: 3, maxWaitMs: 2_000 }

  it('[DL13] carry up to so many events, over all chats, in the order of the log', async () => {
    const { append, clock, receiver } = create({ batch })
    for (let i = 0; i < 7; i += 1) append(`e${i}`, `chat${i}`)
    await settle()
    const ids = () => receiver.attempts.map((attempt) => attempt.ids)
    expect(ids()).toEqual([
      ['e0', 'e1', 'e2'],
      ['e3', 'e4', 'e5'],
    ])
    await clock.advance(1_999)
    expect(ids()).toHaveLength(2)
    await clock.advance(1)
    expect(ids()).toHaveLength(3)
    expect(receiver.mostInFlight).toBe(1)
  })

  it('[DL13] that failed come again as they were', async () => {
    const { append, clock, delivery, receiver } = create({ batch })
    receiver.answer = () => down
    append('a')
    await pass(clock, delivery, 3_000)
    append('b')
    append('c')
    await pass(clock, delivery, 6_000)
    receiver.answer = () => delivered
    await pass(clock, delivery, 60_000)
    expect(receiver.attempts.map(({ ids, attempt }) => [ids, attempt])).toEqual([
      [['a'], 1],
      [['a'], 2],
      [['a'], 3],
      [['b', 'c'], 1],
    ])
  })

  it('[DL13] are parked as a whole after the schedule', async () => {
    const { append, clock, delivery, receiver, sql } = create({ batch, scheduleMs: [1_000] })
    receiver.answer = () => down
    for (const id of ['a', 'b', 'c']) append(id, id)
    await pass(clock, delivery, HOUR)
    expect(receiver.attempts).toHaveLength(2)
    expect(sql.all('SELECT sequence FROM parked')).toHaveLength(3)
    expect(delivery.report('default')).toMatchObject({ pending: 0, parked: 3 })
  })
})

describe('hopeless destinations', () => {
  it('[DL14] five days without a success disable one until somebody enables it', async () => {
    const { append, clock, delivery, disabled, receiver, restart } = create()
    receiver.answer = () => down
    append('a')
    for (let day = 0; day < 7; day += 1) {
      append(`day${day}`)
      await pass(clock, delivery, DAY)
    }
    expect(disabled).toEqual([
      { id: 'default', reason: 'no delivery succeeded for five days: down' },
    ])
    const { length } = receiver.attempts
    const { delivery: again } = restart()
    again.setDestinations([receiver])
    await pass(clock, again, DAY)
    expect(receiver.attempts).toHaveLength(length)
    expect(again.report('default')).toMatchObject({ disabled: disabled[0]?.reason, pending: 0 })
    again.enable('default')
    receiver.answer = () => delivered
    again.setDestinations([receiver])
    expect(again.report('default')).toMatchObject({ disabled: null, failures: 0 })
  })

  it('[DL14] a success in between starts the five days anew', async () => {
    const { append, clock, delivery, disabled, receiver } = create()
    receiver.answer = ({ id }) => (id.startsWith('good') ? delivered : down)
    for (let day = 0; day < 12; day += 1) {
      append(`bad${day}`, left)
      append(`good${day}`, right)
      await pass(clock, delivery, DAY)
    }
    expect(disabled).toEqual([])
  })

  it('[DL14] one that does not give up is tried for ever and parks nothing', async () => {
    const { append, clock, delivery, disabled, receiver, sql } = create({
      givesUp: false,
      scheduleMs: [1_000, HOUR],
    })
    receiver.answer = () => down
    append('a')
    await pass(clock, delivery, 10 * DAY)
    expect(disabled).toEqual([])
    expect(sql.all('SELECT * FROM parked')).toEqual([])
    receiver.answer = () => delivered
    await pass(clock, delivery, 2 * HOUR)
    expect(receiver.received).toEqual(['a'])
  })
})

describe('people', () => {
  it('[DL15] who pause a destination lose nothing', async () => {
    const { append, clock, delivery, receiver } = create({ paused: true })
    append('a')
    await pass(clock, delivery, HOUR)
    expect(receiver.attempts).toEqual([])
    expect(delivery.report('default')).toMatchObject({ pending: 1, nextAttemptAt: undefined })
    receiver.paused = false
    delivery.setDestinations([receiver])
    await settle()
    expect(receiver.received).toEqual(['a'])
  })

  it('[DL16] who ask for events again get them marked, beside the live ones', async () => {
    const { append, clock, delivery, receiver } = create()
    append('old')
    await clock.advance(1_000)
    const since = clock.now()
    append('a')
    append('typing', 'chat', 'Typing')
    append('no', 'chat', 'Unwanted')
    await clock.advance(1_000)
    const all = { since, until: clock.now(), onlyParked: false }
    expect(delivery.replay('default', { ...all, types: ['Message', 'Unwanted'] })).toBe(2)
    append('live')
    await settle()
    expect(receiver.received.slice(0, 3)).toEqual(['old', 'a', 'typing'])
    expect(receiver.received.slice(3).toSorted()).toEqual(['a', 'live'])
    const replayed = receiver.attempts.filter(({ replay }) => replay)
    expect(replayed).toMatchObject([{ ids: ['a'], attempt: 1 }])
    expect(delivery.report('default')).toMatchObject({ redeliveries: 0 })
  })

  it('[DL16] a replay survives a crash and follows the schedule', async () => {
    const { append, clock, delivery, receiver, restart } = create()
    append('a')
    await clock.advance(1_000)
    receiver.answer = () => down
    delivery.replay('default', { since: 0, until: clock.now(), onlyParked: false })
    await pass(clock, delivery, 6_000)
    expect(receiver.attempts.filter(({ replay }) => replay)).toHaveLength(2)
    receiver.answer = () => delivered
    const { delivery: again } = restart()
    again.setDestinations([receiver])
    await settle()
    expect(receiver.attempts.filter(({ replay }) => replay)).toHaveLength(2)
    await pass(clock, again, 60_000)
    expect(receiver.attempts.filter(({ replay }) => replay)).toMatchObject([
      { attempt: 1 },
      { attempt: 2 },
      { attempt: 3 },
    ])
  })

  it('[DL16] a parked event that is asked for again is no longer parked when it arrives', async () => {
    const { append, clock, delivery, receiver, rows } = create({ scheduleMs: [] })
    receiver.answer = () => down
    const { sequence } = append('a')
    append('b', right)
    await pass(clock, delivery, HOUR)
    expect(rows.parkedCount('default')).toBe(2)
    receiver.answer = () => delivered
    delivery.retry('default', [sequence])
    await settle()
    expect(receiver.received).toEqual(['a'])
    expect(rows.parkedCount('default')).toBe(1)
    expect(delivery.replay('default', { since: 0, until: clock.now(), onlyParked: true })).toBe(1)
    await settle()
    expect(receiver.received).toEqual(['a', 'b'])
  })

  it('[DL17] find every attempt in the log', async () => {
    const { append, clock, delivery, receiver, rows, restart } = create({ scheduleMs: [1_000] })
    const answer = { status: 500, body: 'oops' }
    receiver.answer = ({ id }) =>
      id === 'bad' ? { ...down, answer } : { ...delivered, answer: { status: 204, body: '' } }
    append('good', left)
    append('bad', right)
    await pass(clock, delivery, 10_000)
    delivery.stop()
    restart()
    const log = rows.attempts('default', { limit: 10 })
    expect(
      log.map(({ eventId, attempt, outcome, status, error, answer: text }) =>
        [eventId, attempt, outcome, status, error, text].join(' '),
      ),
    ).toEqual([
      'bad 2 parked 500 down oops',
      'bad 1 failed 500 down oops',
      'good 1 delivered 204  ',
    ])
    const [last] = log
    expect(rows.attempts('default', { limit: 1, before: last?.id ?? 0 })).toEqual([log[1]])
    expect(rows.attempts('default', { limit: 9, outcomes: ['parked'] })).toEqual([last])
    expect(rows.attempts('other', { limit: 9 })).toEqual([])
    rows.pruneAttempts(clock.now() - 5_000)
    expect(rows.attempts('default', { limit: 9 })).toEqual([])
  })

  it('[DL9] a restart does not end the pause of a failing destination', async () => {
    const { append, clock, delivery, receiver, restart } = create()
    receiver.answer = () => down
    for (let i = 0; i < LANES * 3; i += 1) append(`e${i}`, `chat${i}`)
    await pass(clock, delivery, HOUR)
    const { length } = receiver.attempts
    for (let i = 0; i < 10; i += 1) {
      restart().delivery.setDestinations([receiver])
      await settle()
    }
    expect(receiver.attempts).toHaveLength(length)
  })
})
