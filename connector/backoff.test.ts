import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextAlarm } from './alarm.ts'
import { countLogin, loginAllowedAt, noLogins, reconnectDelay, resumeDelay } from './backoff.ts'
import { Breaker } from './breaker.ts'

describe('reconnectDelay', () => {
  it('[BO1] stays within full jitter over 1 s to 5 min', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const delay = reconnectDelay(attempt, () => random)
          expect(delay).toBeGreaterThanOrEqual(0)
          expect(delay).toBeLessThanOrEqual(
            Math.min(300_000, 1000 * 2 ** Math.min(attempt - 1, 20)),
          )
        },
      ),
    )
  })

  it('[BO2] keeps LOGINs a minute apart from the third in a row on, and as long as MAX says', () => {
    const now = 1_790_000_000_000
    const first = countLogin(noLogins, now)
    expect(loginAllowedAt(first)).toBe(0)
    const second = countLogin(first, now + 1_000)
    expect(loginAllowedAt(second)).toBe(now + 61_000)
    expect(loginAllowedAt(countLogin(second, now + 61_000))).toBe(0)
    expect(loginAllowedAt({ ...first, notBefore: now + 3_600_000 })).toBe(now + 3_600_000)
  })

  it('[BO3] spreads restarted sessions over a few seconds', () => {
    expect([0, 0.5, 0.999].map((random) => resumeDelay(() => random))).toEqual([0, 1500, 2997])
  })
})

describe('Breaker', () => {
  it('[BO4] pauses all tenants after twenty failures in a row, until one succeeds', () => {
    const breaker = new Breaker()
    for (let i = 0; i < 19; i += 1) breaker.failed()
    expect(breaker.leastDelay(() => 0.5)).toBe(0)
    breaker.failed()
    expect(breaker.leastDelay(() => 0.5)).toBe(60_000)
    breaker.succeeded()
    expect(breaker.leastDelay(() => 0.5)).toBe(0)
  })
})

describe('nextAlarm', () => {
  const now = 1_790_000_000_000
  const states = [
    'online',
    'connecting',
    'awaiting_qr',
    'awaiting_code',
    'waiting',
    'stopped',
    'offline',
    'logged_out',
  ] as const
  const due = fc.option(fc.integer({ min: now - 1e6, max: now + 1e9 }), { nil: undefined })

  it('[AL1] is never later than what is due, never in the past, and never missing while work is due', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...states),
        fc.tuple(due, due, due, due, due, due),
        (state, times) => {
          const [retryAt, deliveryAt, outageAt, sendsAt, mediaAt, incomingAt] = times
          const facts = { retryAt, deliveryAt, outageAt, sendsAt, mediaAt, incomingAt }
          const at = nextAlarm({ state, ...facts }, now)
          const live = ['online', 'connecting', 'awaiting_qr', 'awaiting_code'].includes(state)
          if (live) expect(at).toBeLessThanOrEqual(now + 30_000)
          for (const time of times) {
            if (time !== undefined) expect(at).toBeLessThanOrEqual(Math.max(now, time))
          }
          const isIdle = times.every((time) => time === undefined)
          if (!live && isIdle) expect(at).toBeUndefined()
          if (at !== undefined) expect(at).toBeGreaterThanOrEqual(now)
        },
      ),
    )
  })
})
