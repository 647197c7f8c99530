import type { SessionStatus } from '../schema/session-port.ts'
import type { Clock, Log, Random } from './clock.ts'
import type { AttemptRow, DeliveryStore, DestinationState, ReplayQuery } from './delivery-store.ts'
import type { Destination, Outcome } from './destination.ts'
import { LANES, Lane } from './lane.ts'
import { holderOf } from './log-holder.ts'
import type { Holder } from './retention.ts'
import type { LoggedEvent, Store } from './store.ts'
import { type Job, Target, type Verdict } from './target.ts'

/** Successes are written down together, at the latest after this long; a crash before repeats them. */
export const FLUSH_MS = 1_000
/** From this age on they join the transaction of an event, which spares one of their own. */
const JOIN_MS = 500
/** Waits up to this long have a timer; longer ones are left to the object's alarm. */
const LONGEST_TIMER_MS = 60_000
/** Pause after a failure of our own. */
const BROKEN_MS = 5_000
/** How long the log of attempts goes back. */
const ATTEMPTS_KEPT_MS = 7 * 86_400_000
/** While an attempt runs, the object is looked after at least this often. */
const ATTEMPT_WATCH_MS = 20_000

export interface DeliveryDeps {
  store: DeliveryStore
  log: Log
  clock: Clock
  random: Random
  /** The log: a new destination starts at its end. */
  events: Pick<Store, 'lastSequence' | 'stored'>
  /** A destination said 410, or failed for five days: it is not tried until it is enabled again. */
  onDisabled(destination: Destination, reason: string): void
  /** A wait began that may be too long for a timer. */
  onWait(): void
}

/** How a destination does, for its owner. */
export interface DestinationReport extends DestinationState {
  /** Events behind its place in the log, wanted or not. */
  pending: number
  /** Events given up on. */
  parked: number
  /** Events asked for again, or passed by others, that wait. */
  redeliveries: number
  nextAttemptAt: number | undefined
}

/**
 * Brings the event log to its destinations: in order per chat, at least once, one failing destination
 * never in the way of another. Rules DL in SPEC.md.
 */
export class Delivery {
  readonly #deps: DeliveryDeps
  readonly #targets = new Map<string, Target>()
  /** Attempts that are not written down yet. */
  #attempts: AttemptRow[] = []
  #cancelWake: () => void = () => {}
  #wakeAt: number | undefined
  #cancelFlush: (() => void) | undefined
  /** When the oldest success that is not written down came, Unix ms. */
  #unwrittenSince: number | undefined
  #stopped = false

  constructor(deps: DeliveryDeps) {
    this.#deps = deps
  }

  /**
   * Replaces the set of destinations. One that stays keeps its place in the log; a new one starts at
   * the log's end; one that is gone or disabled is forgotten, so that it holds no event back.
   */
  setDestinations(destinations: readonly Destination[]): void {
    this.flush()
    const { store } = this.#deps
    const active = destinations.filter(({ id, url }) => {
      const state = store.state(id)
      return state?.disabled == null || state.url !== url
    })
    const ids = active.map(({ id }) => id)
    for (const id of this.#targets.keys()) if (!ids.includes(id)) this.#targets.delete(id)
    store.keep(
      ids,
      destinations.map(({ id }) => id),
    )
    for (const destination of active) {
      const known = this.#targets.get(destination.id)
      if (known === undefined) this.#targets.set(destination.id, this.#open(destination))
      else known.configure(destination)
    }
    this.flush()
    this.kick()
  }

  /** Gives a disabled or failing destination another chance at once. `setDestinations` follows. */
  enable(id: string): void {
    const { store } = this.#deps
    this.#targets.get(id)?.forgive()
    const state = store.state(id)
    if (state?.disabled != null) store.saveState(id, { ...freshState(state.url), url: state.url })
  }

  /** Asks for events again; tells how many were added. */
  replay(id: string, query: ReplayQuery): number {
    const added = this.#deps.store.replay(id, query)
    this.#redeliver(id)
    return added
  }

  /** Asks for some events again, at once. */
  retry(id: string, sequences: readonly number[]): void {
    for (const sequence of sequences) {
      this.#deps.store.putRedelivery(id, { sequence, attempts: 0, retryAt: 0, replay: true })
    }
    this.#redeliver(id)
  }

  /** An event became durable. What waited for a while to be written down joins its transaction. */
  appended(event: LoggedEvent): void {
    if (this.#stopped) return
    const { clock, events } = this.#deps
    const hasTransaction = events.stored === undefined
    const since = this.#unwrittenSince
    if (hasTransaction && since !== undefined && clock.now() - since >= JOIN_MS) this.flush()
    for (const target of this.#targets.values()) {
      target.appended(event)
      this.#start(target)
    }
    this.#planWake()
  }

  /** Starts whatever is due. Cheap when nothing is. */
  kick(): void {
    for (const target of this.#targets.values()) this.#start(target)
    this.#planWake()
  }

  /** Unix ms at which something becomes due, or must be looked after; always in the future. */
  nextAt(): number | undefined {
    const now = this.#deps.clock.now()
    let next = this.#nextWait(now)
    for (const target of this.#targets.values()) {
      if (target.isBusy) next = Math.min(next ?? Number.POSITIVE_INFINITY, now + ATTEMPT_WATCH_MS)
    }
    return next
  }

  /** Those who need events of the log. */
  holders(): Holder[] {
    return [...this.#targets.values()].map((target) => holderOf(target, this.#deps.store))
  }

  /** How a destination does; `undefined` for one that never was. */
  report(id: string): DestinationReport | undefined {
    const { store, clock } = this.#deps
    const target = this.#targets.get(id)
    const state = target?.state ?? store.state(id)
    if (state === undefined) return undefined
    return {
      ...state,
      pending: target === undefined ? 0 : this.#pending(target),
      parked: store.parkedCount(id),
      redeliveries: store.redeliveries(id).count,
      nextAttemptAt: target?.nextAt(clock.now()),
    }
  }

  /** All destinations together. */
  summary(): SessionStatus['delivery'] {
    const disabled = this.#deps.store.disabled()
    let pending = 0
    let failing = disabled.length > 0
    let lastError: string | null = disabled[0]?.reason ?? null
    for (const target of this.#targets.values()) {
      pending += this.#pending(target)
      if (target.state.failures === 0) continue
      failing = true
      lastError = target.state.lastError
    }
    return {
      pending,
      failing,
      ...(lastError === null ? {} : { lastError }),
      ...(disabled.length === 0 ? {} : { disabled }),
    }
  }

  /** Writes down what is only in memory: cursors, states and attempts, in one go. */
  flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#unwrittenSince = undefined
    const { store } = this.#deps
    for (const [id, target] of this.#targets) {
      for (const lane of target.lanes) {
        if (!lane.dirty) continue
        lane.dirty = false
        store.saveCursor(id, lane)
      }
      if (!target.dirty) continue
      target.dirty = false
      store.saveState(id, target.state)
    }
    if (this.#attempts.length === 0) return
    store.addAttempts(this.#attempts)
    this.#attempts = []
  }

  /** Forgets attempts of long ago. */
  prune(now: number): void {
    this.#deps.store.pruneAttempts(now - ATTEMPTS_KEPT_MS)
  }

  /** Starts nothing more and writes down what is done. */
  stop(): void {
    this.#stopped = true
    this.#cancelWake()
    this.flush()
  }

  #open(destination: Destination): Target {
    const { store, events, random } = this.#deps
    const { id, url } = destination
    const stored = new Map(store.cursors(id).map((cursor) => [cursor.lane, cursor]))
    const lanes = Array.from({ length: LANES }, (_, number): Lane => {
      const start = { lane: number, sequence: events.lastSequence, attempts: 0, retryAt: 0 }
      const lane = new Lane(stored.get(number) ?? start, store, () => false)
      lane.dirty = !stored.has(number)
      return lane
    })
    const state = store.state(id)
    const target = new Target(destination, lanes, state ?? freshState(url), { store, random })
    target.dirty ||= state === undefined
    return target
  }

  #start(target: Target): void {
    if (this.#stopped) return
    for (;;) {
      const job = target.take(this.#deps.clock.now())
      if (job === undefined) return
      void this.#run(target, job)
    }
  }

  async #run(target: Target, job: Job): Promise<void> {
    const { clock, log } = this.#deps
    const { id } = job.destination
    const startedAt = clock.now()
    const outcome = await attempt(job)
    // Stopped or forgotten meanwhile: its outcome belongs to nobody any more.
    if (this.#stopped || this.#targets.get(id) !== target) return
    try {
      const now = clock.now()
      const verdict = target.settle(job, outcome, now)
      this.#attempts.push(attemptRow(job, outcome, verdict, startedAt, now))
      if (verdict === 'delivered') {
        this.#unwrittenSince ??= now
        this.#cancelFlush ??= clock.after(FLUSH_MS, () => this.flush())
      } else this.#onFailure(target, job, outcome, verdict)
      this.#start(target)
      this.#planWake()
    } catch (error) {
      // The database refuses to work, which trying at once does not mend.
      log('error', 'delivery broke', { destination: id, error: String(error) })
      clock.after(BROKEN_MS, () => this.kick())
    }
  }

  #onFailure(target: Target, job: Job, outcome: Outcome, verdict: Verdict): void {
    const { log, clock, onWait } = this.#deps
    const error = outcome.kind === 'delivered' ? '' : outcome.error
    const [{ id: eventId }] = job.events
    log('warn', 'delivery failed', {
      destination: job.destination.id,
      eventId,
      attempt: job.attempt,
      verdict,
      error,
    })
    if (verdict === 'gone') this.#disable(target, error)
    else if (target.isHopeless(clock.now())) {
      this.#disable(target, `no delivery succeeded for five days: ${error}`)
    }
    this.flush()
    onWait()
  }

  #disable(target: Target, reason: string): void {
    const { store, onDisabled } = this.#deps
    const { destination, state } = target
    this.flush()
    this.#targets.delete(destination.id)
    store.saveState(destination.id, { ...state, disabled: reason })
    onDisabled(destination, reason)
  }

  #redeliver(id: string): void {
    const target = this.#targets.get(id)
    if (target === undefined) return
    target.redeliver()
    this.#start(target)
    this.#planWake()
  }

  #pending(target: Target): number {
    const { store } = this.#deps
    return target.lanes.reduce(
      (sum, { lane, sequence }) => sum + store.countAfter(lane, sequence),
      0,
    )
  }

  #nextWait(now: number): number | undefined {
    let next: number | undefined
    for (const target of this.#targets.values()) {
      const at = target.nextAt(now)
      if (at !== undefined && (next === undefined || at < next)) next = at
    }
    return next
  }

  #planWake(): void {
    const now = this.#deps.clock.now()
    const at = this.#stopped ? undefined : this.#nextWait(now)
    if (at === this.#wakeAt && at !== undefined) return
    this.#cancelWake()
    this.#wakeAt = at
    // A timer of hours would only die with the object.
    if (at === undefined || at - now > LONGEST_TIMER_MS) this.#cancelWake = () => {}
    else {
      this.#cancelWake = this.#deps.clock.after(at - now, () => {
        this.#wakeAt = undefined
        this.kick()
      })
    }
  }
}

const freshState = (url: string): DestinationState => ({
  url,
  failures: 0,
  pausedUntil: 0,
  failingSince: 0,
  lastSuccessAt: 0,
  lastError: null,
  disabled: null,
})

const attempt = async ({ destination, events, attempt, replay }: Job): Promise<Outcome> => {
  try {
    return await destination.deliver(events, { attempt, replay })
  } catch (error) {
    return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}

const attemptRow = (
  job: Job,
  outcome: Outcome,
  verdict: Verdict,
  at: number,
  now: number,
): AttemptRow => {
  const { destination, events, attempt, replay } = job
  const [first] = events
  return {
    destination: destination.id,
    sequence: first.sequence,
    lastSequence: events.at(-1)?.sequence ?? first.sequence,
    events: events.length,
    eventId: first.id,
    type: first.type,
    attempt,
    at,
    durationMs: now - at,
    outcome: verdict,
    status: outcome.answer?.status ?? null,
    error: outcome.kind === 'delivered' ? null : outcome.error,
    answer: outcome.answer?.body || null,
    replay,
  }
}
