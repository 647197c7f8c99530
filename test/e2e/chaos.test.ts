import { expect, it } from 'vitest'
import { runChaos } from '../chaos/chaos.ts'
import { noBroker } from '../support/rabbit.ts'

// The long form is `npm run chaos`.
it('loses, mixes and reorders nothing, whatever breaks', async () => {
  const seed = Number(process.env.CHAOS_SEED ?? 20_261_125)
  const report = await runChaos({
    seed,
    processes: 0,
    tenants: 10,
    events: 1_000,
    kills: 3,
    withBroker: !noBroker,
    patienceMs: 120_000,
    log: () => {},
  })
  expect(report.violations, `seed ${seed}`).toEqual([])
  // Some must have come twice, or nothing was tried.
  expect(report.repeated).toBeGreaterThan(0)
}, 300_000)
