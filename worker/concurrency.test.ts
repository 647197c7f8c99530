import { describe, expect, it } from 'vitest'
import { mapLimit, withDeadline } from './concurrency.ts'

describe('mapLimit', () => {
  it('keeps the order and never runs more than the limit', async () => {
    let running = 0
    let most = 0
    const items = Array.from({ length: 20 }, (_, index) => index)
    const results = await mapLimit(items, 3, async (item) => {
      running += 1
      most = Math.max(most, running)
      for (let turn = 0; turn < item % 4; turn += 1) await Promise.resolve()
      running -= 1
      return item * 2
    })
    expect(results).toEqual(items.map((item) => item * 2))
    expect(most).toBe(3)
  })

  it('does nothing with nothing', async () => {
    expect(await mapLimit([], 3, () => Promise.reject(new Error('never')))).toEqual([])
  })
})

describe('withDeadline', () => {
  it('settles as the promise does, or rejects when it is late', async () => {
    expect(await withDeadline(Promise.resolve(1), 1_000)).toBe(1)
    await expect(withDeadline(Promise.reject(new Error('own')), 1_000)).rejects.toThrow('own')
    await expect(withDeadline(new Promise(() => {}), 1)).rejects.toThrow('no answer within 1 ms')
  })
})
