import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  emptyWindow,
  isFull,
  noteAcked,
  noteSent,
  WINDOW_BYTES,
  WINDOW_EVENTS,
} from './send-window.ts'

it('[RD6] for any sizes and acknowledgements, no more than a window is unacknowledged', () => {
  const step = fc.oneof(
    fc.record({ send: fc.constantFrom(1, WINDOW_BYTES / 300, WINDOW_BYTES / 3, WINDOW_BYTES * 2) }),
    // Of what was sent, as a share: late and repeated ones too.
    fc.record({ ack: fc.double({ min: 0, max: 1, noNaN: true }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(1, 40), (steps, repeat) => {
      const window = emptyWindow()
      const sizes: number[] = []
      let acked = 0
      for (const each of steps.flatMap((one) => new Array<typeof one>(repeat).fill(one))) {
        if ('send' in each) {
          if (isFull(window, each.send)) continue
          sizes.push(each.send)
          noteSent(window, sizes.length, each.send)
        } else {
          const sequence = Math.floor(each.ack * sizes.length)
          acked = Math.max(acked, sequence)
          noteAcked(window, sequence, sizes.length)
        }
        const open = sizes.slice(acked)
        expect(open.length).toBeLessThanOrEqual(WINDOW_EVENTS)
        if (open.length > 1) {
          expect(open.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(WINDOW_BYTES)
        }
      }
      noteAcked(window, sizes.length, sizes.length)
      expect(isFull(window, WINDOW_BYTES)).toBe(false)
    }),
    { numRuns: 100 },
  )
})
