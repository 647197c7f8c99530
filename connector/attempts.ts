/** Keys beyond this are forgotten, oldest first: memory has to be bounded too. */
const MAX_KEYS = 10_000

export interface AttemptLimits {
  /** So many are free. */
  burst: number
  /** After that, one each time this has passed. */
  everyMs: number
}

/**
 * Bounds guessing: attempts per key fill a measure that empties with time. In memory, per process. An
 * attempt is counted before it is made, so that many at once are not all the first one.
 */
export class Attempts {
  readonly #limits: AttemptLimits
  /** When each key's attempts so far are forgotten, if no other follows. */
  readonly #until = new Map<string, number>()

  constructor(limits: AttemptLimits) {
    this.#limits = limits
  }

  /** Counts an attempt. @returns 0, or how long to wait in ms: then nothing was counted. */
  take(key: string, now: number): number {
    const { burst, everyMs } = this.#limits
    const until = Math.max(now, this.#until.get(key) ?? now) + everyMs
    const waitMs = until - now - burst * everyMs
    if (waitMs > 0) return waitMs
    this.#set(key, until)
    return 0
  }

  /** The attempt was a good one. */
  giveBack(key: string, now: number): void {
    const until = (this.#until.get(key) ?? 0) - this.#limits.everyMs
    if (until > now) this.#set(key, until)
    else this.#until.delete(key)
  }

  #set(key: string, until: number): void {
    this.#until.delete(key)
    const [oldest] = this.#until.keys()
    if (this.#until.size >= MAX_KEYS && oldest !== undefined) this.#until.delete(oldest)
    this.#until.set(key, until)
  }
}
