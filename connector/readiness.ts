import { asIdString, asString, type WireMap } from '../schema/wire.ts'
import type { Clock } from './clock.ts'

const MAX_KNOWN = 500

/**
 * What MAX says of uploads that it processes (operations-and-events.md §4.3). It may say nothing at
 * all, so nobody waits without a limit.
 */
export class Readiness {
  readonly #clock: Clock
  /** By `file:1`, `video:1` or `audio:1`: MAX's error, or `null` when the upload can be sent. */
  readonly #known = new Map<string, string | null>()
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes in a NOTIF_ATTACH push. */
  note(payload: WireMap): void {
    const error = asString(payload.error) ?? null
    for (const kind of ['file', 'video', 'audio'] as const) {
      const id = asIdString(payload[`${kind}Id`])
      if (id !== undefined) this.#known.set(`${kind}:${id}`, error)
    }
    // A Map keeps insertion order: the first is the oldest.
    for (const key of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break
      this.#known.delete(key)
    }
    for (const wake of [...this.#waiting]) wake()
  }

  /** Resolves with MAX's error, or when all of them are ready, or when the time is up. */
  async settled(keys: readonly string[], timeoutMs: number): Promise<string | undefined> {
    const deadline = this.#clock.now() + timeoutMs
    for (;;) {
      const states = keys.map((key) => this.#known.get(key))
      const error = states.find((state) => typeof state === 'string')
      const leftMs = deadline - this.#clock.now()
      if (typeof error === 'string') return error
      if (leftMs <= 0 || states.every((state) => state === null)) return undefined
      await this.pushed(leftMs)
    }
  }

  /** Resolves at the next push, whatever it says, or when the time is up. */
  pushed(timeoutMs: number): Promise<undefined> {
    return new Promise((resolve) => {
      const done = (): void => {
        stop()
        this.#waiting.delete(done)
        resolve(undefined)
      }
      const stop = this.#clock.after(timeoutMs, done)
      this.#waiting.add(done)
    })
  }
}
