import { describe, expect, it } from 'vitest'
import { nodeSql } from '../test/support/node-sql.ts'
import { DeliveryStore } from './delivery-store.ts'
import { type EventSource, Lane, READ_AHEAD_CHARS } from './lane.ts'
import { migrate } from './migrations.ts'
import { Store } from './store.ts'

/** A lane over events whose bodies have so many characters. */
const laneOver = (sizes: number[]) => {
  const sql = nodeSql()
  migrate(sql)
  const store = new Store(sql)
  const append = (size: number) =>
    store.appendEvent({ type: 'FileReady', lane: 0, createdAt: 1 }, () => ({
      id: `evt_${size}`,
      body: 'x'.repeat(size),
    }))
  for (const size of sizes) append(size)
  const reads = { count: 0 }
  const deliveries = new DeliveryStore(sql)
  const source: EventSource = {
    eventsAfter: (...args) => {
      reads.count += 1
      return deliveries.eventsAfter(...args)
    },
  }
  const cursor = { lane: 0, sequence: 0, attempts: 0, retryAt: 0 }
  const lane = new Lane(cursor, source, () => true)
  /** What lies ahead, as far as the lane shows it. */
  const ahead = (): number[] => {
    const found: number[] = []
    for (let event = lane.at(0); event !== undefined; event = lane.at(found.length)) {
      found.push(event.body.length)
    }
    return found
  }
  const next = (): void => lane.advance(lane.at(0)?.sequence ?? 0)
  const appended = (size: number): void => {
    const event = append(size)
    if (event !== undefined) lane.appended(event)
  }
  return { ahead, next, appended, reads }
}

describe('a lane', () => {
  const large = Math.floor(0.6 * READ_AHEAD_CHARS)

  it('[DL19] holds few events that are large, and all that are small', () => {
    expect(laneOver(Array.from({ length: 40 }, () => 10)).ahead()).toHaveLength(40)
    expect(laneOver([large, large, large, large]).ahead()).toEqual([large, large])
    expect(laneOver([3 * READ_AHEAD_CHARS, 10]).ahead()).toEqual([3 * READ_AHEAD_CHARS])
  })

  it('[DL19] misses none of them', () => {
    const sizes = [10, large, 20, 2 * READ_AHEAD_CHARS, 30, large, large, 40]
    const { ahead, next, appended } = laneOver(sizes)
    const seen: (number | undefined)[] = []
    for (const late of [large, 50, large, 60]) {
      seen.push(ahead()[0])
      next()
      appended(late)
    }
    for (let first = ahead()[0]; first !== undefined; first = ahead()[0]) {
      seen.push(first)
      next()
    }
    expect(seen).toEqual([...sizes, large, 50, large, 60])
  })

  it('reads the log again only when it fell behind', () => {
    const { ahead, next, appended, reads } = laneOver([1, 2, 3])
    expect(ahead()).toEqual([1, 2, 3])
    for (let n = 0; n < 3; n += 1) next()
    for (let size = 4; size < 10; size += 1) {
      appended(size)
      expect(ahead()).toEqual([size])
      next()
    }
    // A part that is no full one is the end: no second look at what is known to be there.
    expect(reads.count).toBe(1)
    for (let size = 0; size < 40; size += 1) appended(size)
    expect(ahead()).toHaveLength(40)
    expect(reads.count).toBe(2)
  })
})
