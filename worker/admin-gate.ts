import { Attempts } from '../connector/attempts.ts'
import { GatewayError } from '../schema/errors.ts'
import { adminCheck } from './auth.ts'
import type { Gateway } from './gateway.ts'

/** Wrong admin tokens from one address: so many at once, then one every five seconds. */
const WRONG_TOKENS = { burst: 100, everyMs: 5_000 }

/** Tells the administrator from everybody else, and makes guessing the token slow. */
export class AdminGate {
  readonly #isAdmin: (headers: Headers) => boolean
  readonly #now: () => number
  readonly #attempts = new Attempts(WRONG_TOKENS)

  constructor(gateway: Gateway) {
    this.#isAdmin = adminCheck(gateway.settings.MAXAPI_ADMIN_TOKEN)
    this.#now = () => gateway.now()
  }

  /** @throws {GatewayError} UNAUTHORIZED, or TOO_MANY_ATTEMPTS whatever the token. */
  require(request: Request): void {
    const retryAfterMs = this.#try(request)
    if (retryAfterMs === 0) return
    if (retryAfterMs === undefined) {
      throw new GatewayError('UNAUTHORIZED', 'The admin token is missing or not valid.')
    }
    throw new GatewayError('TOO_MANY_ATTEMPTS', undefined, { retryAfterMs })
  }

  /** Whether the administrator calls. Somebody who guesses too often is told no. */
  knows(request: Request): boolean {
    return this.#try(request) === 0
  }

  /** @returns 0 for the administrator, `undefined` for another, or how long to wait in ms. */
  #try(request: Request): number | undefined {
    if (request.headers.get('authorization') === null) return undefined
    const from = addressOf(request)
    const now = this.#now()
    const waitMs = this.#attempts.take(from, now)
    if (waitMs > 0) return waitMs
    if (!this.#isAdmin(request.headers)) return undefined
    this.#attempts.giveBack(from, now)
    return 0
  }
}

/**
 * Where a request comes from. Only Cloudflare's network, which says so with `cf`, sets the header
 * itself; anywhere else a caller could write what it likes, so all callers share one count.
 */
const addressOf = (request: Request): string =>
  'cf' in request && request.cf ? (request.headers.get('cf-connecting-ip') ?? '') : ''
