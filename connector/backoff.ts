import { Limit } from '../schema/wire.ts'
import type { Random } from './clock.ts'

/** Reconnect policy (design D8). A relogin storm is blamed for bans (wire-and-auth.md §12). */
const FIRST_MS = 1_000
const LONGEST_MS = 300_000
/** LOGINs in a row that need no spacing. */
const FREE_LOGINS = 2
/** Restarted sessions come back spread over this time, so that a start is no storm. */
const RESUME_SPREAD_MS = 3_000
/** A session that was online for this long starts counting afresh. */
export const STABLE_AFTER_MS = 60_000

/**
 * Milliseconds to wait before the next dial: full jitter over an exponential bound, and never so soon
 * that LOGINs follow each other faster than MAX tolerates.
 * @param attempt failed or short-lived connections in a row, from 1
 * @param lastLoginAt Unix ms of the last LOGIN sent; 0 for none
 */
export const reconnectDelay = (
  attempt: number,
  lastLoginAt: number,
  now: number,
  random: Random,
): number => {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20))
  const jittered = Math.round(random() * bound)
  if (attempt <= FREE_LOGINS) return jittered
  return Math.max(jittered, lastLoginAt + Limit.loginSpacingMs - now)
}

/** Milliseconds to wait before a session that was online before a restart dials again. */
export const resumeDelay = (random: Random): number => Math.round(random() * RESUME_SPREAD_MS)
