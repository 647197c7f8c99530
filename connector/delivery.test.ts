import { describe, expect, it } from 'vitest'
import { settle } from '../test/support/fake-clock.ts'
import { createDelivery, FakeDestination, pass } from '../test/support/fake-destination.ts'
import type { Outcome } from './destination.ts'
import { LANES, laneOf } from './lane.ts'
import { RETRY_SCHEDULE_MS, retryDelay } from './retry-schedule.ts'

const HOUR = 3_600_000
const _DAY = 24 * HOUR

describe('Delivery', () => {
  it('[defect 19] [DL1] delivers in order within a chat and goes on after a restart where it stopped', async () => {
    const { delivery, append, clock, restart } = createDelivery()
    const receiver = new FakeDestination('default', clock)
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
    const { delivery, append, clock } = createDelivery()
    append('before')
    const receiver = new FakeDestination('default', clock)
    delivery.setDestinations([receiver])
    append('no', 'chat', 'Unwanted')
    append('yes')
    delivery.kick()
    await clock.advance(10)
    expect(receiver.received).toEqual(['yes'])
    expect(delivery.summary()).toEqual({ pending: 0, failing: false })
  })

  it('[DL3] a failing destination pauses as a whole and gets one probe at a time', async () => {
    const { delivery, append, clock } = createDelivery()
    const receiver = new FakeDestination('default', clock)
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
    const { delivery, append, clock } = createDelivery()
    const receiver = new FakeDestination('default', clock)
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

  it('[defect 17] [DL4] follows the schedule, then parks the event and the lane goes on', async () => {
    const { delivery, append, clock, sql } = createDelivery()
    const receiver = new FakeDestination('default', clock)
    receiver.answer = (event) =>
      event.id === 'poison' ? { kind: 'failed', error: '500' } : { kind: 'delivered' }
    delivery.setDestinations([receiver])
    append('poison')
    append('next')
    delivery.kick()
    await pass(clock, delivery, 100 * HOUR)
    const tries = receiver.attempts.filter(({ ids }) => ids.includes('poison'))
    expect(tries.map(({ attempt }) => attempt)).toEqual(
      Array.from({ length: RETRY_SCHEDULE_MS.length + 1 }, (_, i) => i + 1),
    )
    const waits = tries.slice(1).map(({ at }, i) => at - tries[i]!.at)
    expect(waits).toEqual(RETRY_SCHEDULE_MS)
    expect(receiver.received).toEqual(['next'])
    expect(sql.all('SELECT destination, sequence, error FROM parked')).toEqual([
      { destination: 'default', sequence: 1, error: '500' },
    ])
  })

  it('[DL5] a poisonous event of one chat does not starve the others', async () => {
    const { delivery, append, clock } = createDelivery()
    const receiver = new FakeDestination('default', clock)
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
    const { delivery, append, clock, disabled } = createDelivery()
    const dead = new FakeDestination('dead', clock)
    const slow = new FakeDestination('slow', clock)
    const good = new FakeDestination('good', clock)
    dead.answer = () => ({ kind: 'gone', error: '410' })
    slow.answer = () => new Promise(() => {})
    delivery.setDestinations([dead, slow, good])
    for (const id of ['a', 'b', 'c']) append(id)
    delivery.kick()
    await clock.advance(1)
    expect(good.received).toEqual(['a', 'b', 'c'])
    expect(disabled).toEqual([{ id: 'dead', reason: '410' }])
    expect(slow.attempts).toHaveLength(1)
  })

  it('[DL9] telling the same settings again changes nothing; another address starts afresh', async () => {
    const { delivery, append, clock, restart } = createDelivery()
    const receiver = new FakeDestination('default', clock)
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
    const moved = new FakeDestination('default', clock)
    moved.url = 'https://example.com/other'
    restart().delivery.setDestinations([receiver])
    const third = restart().delivery
    third.setDestinations([receiver])
    third.setDestinations([moved])
    await settle()
    expect(moved.attempts.map(({ attempt }) => attempt)).toEqual([1])
    expect(moved.received).toEqual(['a'])
  })

  it('[DL6] one that said 410 is called at another address, and stays called', async () => {
    const { delivery, append, clock, disabled, restart } = createDelivery()
    const receiver = new FakeDestination('default', clock)
    receiver.answer = () => ({ kind: 'gone', error: '410' })
    delivery.setDestinations([receiver])
    append('a')
    await settle()
    expect(disabled).toHaveLength(1)
    delivery.setDestinations([receiver])
    const moved = new FakeDestination('default', clock, { url: 'https://example.com/other' })
    delivery.setDestinations([moved])
    delivery.setDestinations([moved])
    append('b')
    await settle()
    delivery.stop()
    const again = restart()
    again.delivery.setDestinations([moved])
    expect(moved.received).toEqual(['b'])
    expect(again.delivery.report('default')).toMatchObject({ disabled: null })
  })

  it('[DL9] what an old address answers late is not held against the new one', async () => {
    const { delivery, append, clock, disabled } = createDelivery()
    const old = new FakeDestination('default', clock)
    let answer: (outcome: Outcome) => void = () => {}
    old.answer = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    delivery.setDestinations([old])
    append('a')
    delivery.kick()
    await settle()
    const moved = new FakeDestination('default', clock)
    moved.url = 'https://example.com/other'
    delivery.setDestinations([moved])
    answer({ kind: 'gone', error: '410' })
    await clock.advance(10)
    expect(disabled).toEqual([])
    expect(moved.received).toEqual(['a'])
  })

  it('[DL7] honours Retry-After up to an hour, never shortens the schedule, jitters by 20 %', () => {
    expect(retryDelay(RETRY_SCHEDULE_MS, 1, 60_000, () => 0.5)).toBe(60_000)
    expect(retryDelay(RETRY_SCHEDULE_MS, 1, 100 * HOUR, () => 0.5)).toBe(HOUR)
    expect(retryDelay(RETRY_SCHEDULE_MS, 3, 1_000, () => 0.5)).toBe(120_000)
    expect(retryDelay(RETRY_SCHEDULE_MS, 2, 0, () => 0)).toBe(24_000)
    expect(retryDelay(RETRY_SCHEDULE_MS, 2, 0, () => 1)).toBe(36_000)
    expect(retryDelay(RETRY_SCHEDULE_MS, 99, 0, () => 0.5)).toBe(24 * HOUR)
  })
})
