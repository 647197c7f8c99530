import type { Random } from './clock.ts'

/** Failures in a row, of any tenants, that mean MAX itself is in trouble or does not want us. */
const OPENS_AFTER = 20
const PAUSE_MS = 30_000
const SPREAD_MS = 60_000

/**
 * Keeps many tenants from hammering a MAX that refuses them all (design D8). Shared by the sessions of
 * one process; a success of any of them ends the pause. Memory only: after a restart it learns anew.
 */
export class Breaker {
  #failures = 0

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    this.#failures += 1
  }

  /** Least wait in ms before the next try; spread, so that the tries after a pause are no storm. */
  leastDelay(random: Random): number {
    return this.#failures < OPENS_AFTER ? 0 : PAUSE_MS + Math.round(random() * SPREAD_MS)
  }
}
