import { GatewayError } from '../../schema/errors.ts'

const POLL_MS = 25
const PATIENCE_MS = 20_000

/**
 * How many bytes of content all requests of this isolate may hold in memory at once. A request that
 * needs more waits its turn; it never makes the isolate larger than its limit.
 */
export class ByteBudget {
  readonly #total: number
  #taken = 0

  constructor(totalBytes: number) {
    this.#total = totalBytes
  }

  /**
   * @returns gives the bytes back; calling it twice does nothing
   * @throws {GatewayError} OVERLOADED after 20 s
   */
  async take(bytes: number): Promise<() => void> {
    const deadline = Date.now() + PATIENCE_MS
    // Polled: a promise that another request resolves is none of ours under workerd.
    while (this.#taken + bytes > this.#total && this.#taken > 0) {
      if (Date.now() >= deadline)
        throw new GatewayError('OVERLOADED', undefined, { retryAfterMs: 5_000 })
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    this.#taken += bytes
    let given = false
    return () => {
      if (!given) this.#taken -= bytes
      given = true
    }
  }
}
