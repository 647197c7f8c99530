import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../test/support/fake-clock.ts'
import { sharedTimer } from './clock.ts'

describe('sharedTimer', () => {
  it('[CL1] runs every task when the host would, or never once it is cancelled', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('after' as const), ms: fc.nat(500) }),
      fc.record({ do: fc.constant('cancel' as const), index: fc.nat(20) }),
      fc.record({ do: fc.constant('time' as const), ms: fc.nat(300) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (script) => {
        const clock = new FakeClock()
        const shared = sharedTimer(clock)
        const log = { shared: [] as [number, number][], plain: [] as [number, number][] }
        const cancels: (() => void)[] = []
        let made = 0
        for (const action of script) {
          if (action.do === 'time') await clock.advance(action.ms)
          else if (action.do === 'cancel') cancels[action.index % Math.max(1, made)]?.()
          else {
            const index = made++
            const stopShared = shared.after(action.ms, () => log.shared.push([clock.now(), index]))
            const stopPlain = clock.after(action.ms, () => log.plain.push([clock.now(), index]))
            cancels[index] = () => {
              stopShared()
              stopPlain()
            }
          }
          expect(clock.pendingTimers).toBeLessThanOrEqual(made + 1)
        }
        await clock.advance(10_000)
        expect(log.shared.sort()).toEqual(log.plain.sort())
      }),
    )
  })

  it('[CL2] a thousand deadlines that are met need one timer of the host', () => {
    const clock = new FakeClock()
    let armed = 0
    const shared = sharedTimer({
      now: () => clock.now(),
      after: (delayMs, task) => {
        armed += 1
        return clock.after(delayMs, task)
      },
    })
    for (let i = 0; i < 1_000; i += 1) shared.after(30_000, () => {})()
    expect(armed).toBe(1)
  })
})
