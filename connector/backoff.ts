import { Limit } from '../schema/wire.ts'
import type { Random } from './clock.ts'

/** Reconnect policy (design D8). A relogin storm is blamed for bans (wire-and-auth.md §12). */
const FIRST_MS = 1_000
const LONGEST_MS = 300_000
/** LOGINs in a row, each less than a minute after the one before, that need no spacing. */
const FREE_LOGINS = 2
/** Restarted sessions come back spread over this time, so that a start is no storm. */
const RESUME_SPREAD_MS = 3_000
/** A session that was online for this long starts counting afresh. */
export const STABLE_AFTER_MS = 60_000

/**
 * Milliseconds to wait before the next dial: full jitter over an exponential bound.
 * @param attempt failed or short-lived connections in a row, from 1
 */
export const reconnectDelay = (attempt: number, random: Random): number =>
  Math.round(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20)))

/** Milliseconds to wait before a session that was online before a restart dials again. */
export const resumeDelay = (random: Random): number => Math.round(random() * RESUME_SPREAD_MS)

/** What is kept of the LOGINs sent without a person, so that a crash loop cannot forget it. */
export interface Logins {
  /** Unix ms of the last one; 0 = none yet. */
  last: number
  /** How many followed each other within a minute. */
  streak: number
  /** Unix ms before which MAX wants none. */
  notBefore: number
}
export const noLogins: Logins = { last: 0, streak: 0, notBefore: 0 }

export const countLogin = (logins: Logins, now: number): Logins => ({
  ...logins,
  last: now,
  streak: now - logins.last < Limit.loginSpacingMs ? logins.streak + 1 : 1,
})

/** Unix ms at which the next LOGIN may be sent. */
export const loginAllowedAt = ({ last, streak, notBefore }: Logins): number =>
  Math.max(notBefore, streak >= FREE_LOGINS ? last + Limit.loginSpacingMs : 0)
