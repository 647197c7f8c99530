import type { ErrorData } from '../schema/errors.ts'
import { operations } from '../schema/operations/index.ts'
import { failure } from './respond.ts'

/** The cron by which the self-host host says that it is about to stop. It is no schedule. */
export const STOPPING = 'stopping'

const POLL_MS = 20
const LONGEST_MS = 5_000

const waitingPath = operations.listEvents.path

const goingDown: ErrorData = {
  code: 'NOT_CONNECTED',
  message: 'The gateway is being restarted.',
  retryAfterMs: 2_000,
}

/**
 * Lets the requests under way finish before a stop. Numbers only: a promise of one request may not be
 * settled by another, so the one that waits looks from time to time.
 */
export class Drain {
  #underWay = 0
  #isStopping = false

  /**
   * Serves a request, unless the gateway is about to stop. A stream counts until it begins, and a
   * read that waits for events does not count: it changes nothing and is asked again.
   */
  async serve(request: Request, answer: () => Response | Promise<Response>): Promise<Response> {
    if (this.#isStopping) return failure(request, crypto.randomUUID(), goingDown)
    const counts = isWaiting(request) ? 0 : 1
    this.#underWay += counts
    try {
      return await answer()
    } finally {
      this.#underWay -= counts
    }
  }

  /** Takes no more requests; resolves when none is under way, at the latest after 5 s. */
  async stop(wait: (ms: number) => Promise<void>): Promise<void> {
    this.#isStopping = true
    for (let waited = 0; this.#underWay > 0 && waited < LONGEST_MS; waited += POLL_MS) {
      await wait(POLL_MS)
    }
  }
}

const isWaiting = ({ method, url }: Request): boolean =>
  method === 'GET' && url.includes('/events?') && new URL(url).pathname === waitingPath
