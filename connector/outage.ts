import type { EventName } from '../schema/events.ts'
import type { SessionState } from '../schema/session-port.ts'
import type { Clock } from './clock.ts'
import type { Store } from './store.ts'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE

/** Kept over restarts: an outage is told of once, whoever restarts meanwhile. */
export interface OutageState {
  /** Unix ms. */
  since: number
  told: 'nothing' | 'degraded' | 'exhausted'
}

export interface OutageDeps {
  store: Store
  clock: Clock
  degradedAfterMinutes: number
  onEvent(type: EventName, fields: Record<string, unknown>): void
}

/**
 * Watches a session that is offline against its will, and says so when that lasts: after some minutes
 * and after a day (EV7). `Connected` ends it.
 */
export class Outage {
  readonly #deps: OutageDeps

  constructor(deps: OutageDeps) {
    this.#deps = deps
  }

  follow({ name }: SessionState): void {
    const { store, clock } = this.#deps
    const outage = store.get('outage')
    // Between a failed try and the wait for the next one the session is at rest for a moment.
    const isTrying =
      name === 'connecting' || (name === 'offline' && store.get('wanted') === 'online')
    if (name === 'waiting') {
      if (outage === undefined) store.set('outage', { since: clock.now(), told: 'nothing' })
    } else if (!isTrying && outage !== undefined) store.delete('outage')
  }

  /** Says what is due. */
  tick(state: SessionState): void {
    const { store, clock, onEvent } = this.#deps
    const outage = store.get('outage')
    if (outage === undefined || state.name !== 'waiting') return
    const { since, told } = outage
    const facts = {
      offlineSince: new Date(since).toISOString(),
      attempt: state.attempt,
      reason: state.reason,
    }
    const due = this.#dueAt(outage)
    if (due === undefined || due > clock.now()) return
    if (told === 'nothing') {
      store.set('outage', { since, told: 'degraded' })
      onEvent('SessionDegraded', facts)
    } else {
      store.set('outage', { since, told: 'exhausted' })
      onEvent('ReconnectExhausted', { ...facts, gaveUp: false })
    }
  }

  /** Unix ms at which something must be said, or `undefined`. */
  nextAt(): number | undefined {
    const outage = this.#deps.store.get('outage')
    return outage && this.#dueAt(outage)
  }

  #dueAt({ since, told }: OutageState): number | undefined {
    if (told === 'exhausted') return undefined
    return told === 'degraded' ? since + DAY : since + this.#deps.degradedAfterMinutes * MINUTE
  }
}
