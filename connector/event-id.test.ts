import fc from 'fast-check'
import { expect, it } from 'vitest'
import { newEventId, sequenceInId } from './event-id.ts'

it('[ST9] an id says which sequence it is of', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (sequence) => {
      const id = newEventId(sequence)
      expect(id).toMatch(/^evt_[0-9a-f]{32}$/)
      expect(sequenceInId(id)).toBe(sequence)
    }),
  )
})

it('[ST9] two ids of one sequence differ: logs of different tenants have the same sequences', () => {
  expect(new Set(Array.from({ length: 1_000 }, () => newEventId(7))).size).toBe(1_000)
})

it.each([
  '',
  'dlv_1',
  'evt_',
  'evt_unknown',
  `evt_${'0'.repeat(31)}`,
  `evt_${'A'.repeat(32)}`,
])('[ST9] %j is no id of an event', (id) => {
  expect(sequenceInId(id)).toBeUndefined()
})
