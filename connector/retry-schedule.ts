import type { Random } from './clock.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Waits before attempts 2, 3, … (Standard Webhooks: about three days), each ±20 %. */
export const RETRY_SCHEDULE_MS: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  1 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  24 * HOUR,
  24 * HOUR,
]
/** For receivers that the operator runs beside the gateway: they come back sooner. */
export const OPERATOR_SCHEDULE_MS: readonly number[] = [
  1 * SECOND,
  5 * SECOND,
  15 * SECOND,
  1 * MINUTE,
  5 * MINUTE,
]
export const RETRY_JITTER = 0.2
/** The most that a receiver may ask for. */
export const LONGEST_RETRY_AFTER_MS = HOUR

/**
 * Wait before the next try after `failures` failed ones; the last wait of the schedule repeats. The
 * receiver may ask for more, up to 1 h, never for less.
 */
export const retryDelay = (
  schedule: readonly number[],
  failures: number,
  retryAfterMs: number,
  random: Random,
): number => {
  const planned = schedule[Math.min(failures, schedule.length) - 1] ?? 5 * SECOND
  const jittered = Math.round(planned * (1 + RETRY_JITTER * (2 * random() - 1)))
  return Math.max(jittered, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS))
}
