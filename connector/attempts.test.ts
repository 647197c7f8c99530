import { describe, expect, it } from 'vitest'
import { Attempts } from './attempts.ts'

describe('Attempts', () => {
  const used = (times: number): Attempts => {
    const attempts = new Attempts({ burst: 3, everyMs: 1_000 })
    for (let n = 0; n < times; n += 1) expect(attempts.take('one', 0)).toBe(0)
    return attempts
  }

  it('are free up to the burst, each key for itself', () => {
    const attempts = used(3)
    expect(attempts.take('one', 0)).toBe(1_000)
    expect(attempts.take('one', 0)).toBe(1_000)
    expect(attempts.take('other', 0)).toBe(0)
  })

  it('come back one by one with time', () => {
    const attempts = used(3)
    expect(attempts.take('one', 400)).toBe(600)
    expect(attempts.take('one', 1_000)).toBe(0)
    expect(attempts.take('one', 1_000)).toBe(1_000)
    expect(attempts.take('one', 60_000)).toBe(0)
  })

  it('cost nothing when they were good', () => {
    const attempts = used(3)
    attempts.giveBack('one', 0)
    expect(attempts.take('one', 0)).toBe(0)
    expect(attempts.take('one', 0)).toBe(1_000)
  })

  it('forget the key that came longest ago when there are too many', () => {
    const attempts = used(3)
    for (let n = 0; n < 10_000; n += 1) attempts.take(`key ${n}`, 0)
    expect(attempts.take('one', 0)).toBe(0)
  })
})
