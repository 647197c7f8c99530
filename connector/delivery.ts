import type { Clock, Log, Random } from './clock.ts'
import type { Cursor, LoggedEvent, Store } from './store.ts'

/** What came of one attempt. Kinds never throw: a thrown error counts as `failed`. */
export type Outcome =
  | { kind: 'delivered' }
  | { kind: 'failed'; error: string; retryAfterMs?: number }
  /** The receiver says it wants nothing more (410). */
  | { kind: 'gone'; error: string }

/** What a filter looks at. */
export type EventFacts = Pick<LoggedEvent, 'type' | 'chatId'>

/** A reader of the event log that events are pushed to. */
export interface Destination {
  id: string
  /** Where it leads; another URL is another destination under the same name. */
  url: string
  wants(event: EventFacts): boolean
  deliver(event: LoggedEvent, attempt: number): Promise<Outcome>
}

/** Events of one chat share a lane, so they stay in order; lanes go in parallel. */
export const LANES = 4
export const laneOf = (chatId: string | undefined): number => {
  let hash = 0
  for (const char of chatId ?? '') hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0
  return (hash >>> 0) % LANES
}

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
const JITTER = 0.2
const LONGEST_RETRY_AFTER_MS = HOUR
/** Successes are written down together, at the latest after this long; a crash before repeats them. */
const CURSOR_FLUSH_MS = 200
const BATCH = 32
/** While an attempt runs, the object is looked after at least this often. */
const ATTEMPT_WATCH_MS = 20_000

/** Wait before the next try after `failures` failed ones; the receiver may ask for more, up to 1 h. */
export const retryDelay = (failures: number, retryAfterMs: number, random: Random): number => {
  const planned = RETRY_SCHEDULE_MS[Math.min(failures, RETRY_SCHEDULE_MS.length) - 1] as number
  const jittered = Math.round(planned * (1 + JITTER * (2 * random() - 1)))
  return Math.max(jittered, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS))
}

interface Lane extends Cursor {
  busy: boolean
  dirty: boolean
}

interface Target {
  destination: Destination
  lanes: Lane[]
  /** Failures in a row, over all lanes. Above 0 the destination gets one probe at a time. */
  failures: number
  pausedUntil: number
  /** Where the next probe looks first, so that one bad event cannot be the only probe. */
  probeLane: number
  lastError: string | undefined
}

interface Attempt {
  target: Target
  lane: Lane
  event: LoggedEvent
  /** `target.failures` when the attempt began. */
  failuresBefore: number
}

export interface DeliveryDeps {
  store: Store
  clock: Clock
  random: Random
  log: Log
  /** Tells that a destination must not be tried again until it is configured anew. */
  onGone(destination: Destination, reason: string): void
}

/**
 * Brings the event log to its destinations: in order per lane, at least once, one failing destination
 * never in the way of another. Rules DL1–DL8 in SPEC.md.
 */
export class Delivery {
  readonly #deps: DeliveryDeps
  readonly #targets = new Map<string, Target>()
  #cancelWake: () => void = () => {}
  #cancelFlush: (() => void) | undefined
  #stopped = false

  constructor(deps: DeliveryDeps) {
    this.#deps = deps
  }

  /**
   * Replaces the set of destinations. One that stays keeps its place in the log; a new one starts at
   * the log's end; one that is gone is forgotten, so that it holds no event back from retention.
   */
  setDestinations(destinations: Destination[]): void {
    this.#flush()
    const ids = destinations.map((destination) => destination.id)
    for (const id of this.#targets.keys()) {
      if (!ids.includes(id)) this.#targets.delete(id)
    }
    this.#deps.store.keepCursors(ids)
    for (const destination of destinations) {
      const known = this.#targets.get(destination.id)
      if (known === undefined) this.#targets.set(destination.id, this.#open(destination))
      else {
        const moved = known.destination.url !== destination.url
        known.destination = destination
        if (moved) this.#startAfresh(known)
      }
    }
    this.kick()
  }

  /** What failed at another address says nothing of this one. */
  #startAfresh(target: Target): void {
    target.failures = 0
    target.pausedUntil = 0
    for (const lane of target.lanes) Object.assign(lane, { attempts: 0, retryAt: 0, dirty: true })
    this.#flush()
  }

  /** Starts whatever is due. Cheap when nothing is. */
  kick(): void {
    if (this.#stopped) return
    const now = this.#deps.clock.now()
    for (const target of this.#targets.values()) {
      if (target.failures > 0) this.#probe(target, now)
      else for (const lane of target.lanes) this.#startIfDue(target, lane, now)
    }
    this.#planWake()
  }

  /**
   * Unix ms at which something becomes due, or `undefined`. Always in the future: what is due now was
   * started by `kick`, or waits for an attempt that kicks again when it ends.
   */
  nextAt(): number | undefined {
    const now = this.#deps.clock.now()
    const due: number[] = []
    for (const target of this.#targets.values()) {
      if (target.failures > 0) due.push(target.pausedUntil)
      for (const lane of target.lanes) {
        if (lane.busy) due.push(now + ATTEMPT_WATCH_MS)
        else if (lane.retryAt > 0) due.push(Math.max(lane.retryAt, target.pausedUntil))
      }
    }
    const next = Math.min(...due.filter((at) => at > now))
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  summary(): { pending: number; failing: boolean; lastError?: string } {
    let pending = 0
    let failing = false
    let lastError: string | undefined
    for (const target of this.#targets.values()) {
      for (const lane of target.lanes) {
        pending += this.#deps.store.countAfter(lane.lane, lane.sequence)
      }
      if (target.failures === 0) continue
      failing = true
      lastError = target.lastError
    }
    return { pending, failing, ...(lastError === undefined ? {} : { lastError }) }
  }

  /** Starts nothing more and writes down what is done. */
  stop(): void {
    this.#stopped = true
    this.#cancelWake()
    this.#flush()
  }

  #open(destination: Destination): Target {
    const { store } = this.#deps
    const stored = new Map(store.cursors(destination.id).map((cursor) => [cursor.lane, cursor]))
    const lanes = Array.from({ length: LANES }, (_, lane): Lane => {
      const cursor = stored.get(lane) ?? {
        lane,
        sequence: store.lastSequence,
        attempts: 0,
        retryAt: 0,
      }
      if (!stored.has(lane)) store.saveCursor(destination.id, cursor)
      return { ...cursor, busy: false, dirty: false }
    })
    return { destination, lanes, failures: 0, pausedUntil: 0, probeLane: 0, lastError: undefined }
  }

  #probe(target: Target, now: number): void {
    if (now < target.pausedUntil || target.lanes.some((lane) => lane.busy)) return
    for (let i = 0; i < LANES; i += 1) {
      const lane = target.lanes[(target.probeLane + i) % LANES] as Lane
      if (this.#startIfDue(target, lane, now)) {
        target.probeLane = (lane.lane + 1) % LANES
        return
      }
    }
    // Nothing is left to try: what failed was parked or is no longer wanted.
    if (target.lanes.every((lane) => lane.retryAt === 0)) target.failures = 0
  }

  /** Starts a lane that is idle, due and has an event to deliver. */
  #startIfDue(target: Target, lane: Lane, now: number): boolean {
    if (lane.busy || now < lane.retryAt) return false
    const event = this.#nextEvent(target, lane)
    if (event === undefined) return false
    lane.busy = true
    void this.#run(target, lane, event)
    return true
  }

  /** The lane's next wanted event; what is not wanted is passed over. */
  #nextEvent(target: Target, lane: Lane): LoggedEvent | undefined {
    for (;;) {
      const events = this.#deps.store.eventsAfter(lane.lane, lane.sequence, BATCH)
      for (const event of events) {
        if (target.destination.wants(event)) return event
        this.#advance(lane, event.sequence)
      }
      if (events.length < BATCH) return undefined
    }
  }

  async #run(target: Target, lane: Lane, first: LoggedEvent): Promise<void> {
    let event: LoggedEvent | undefined = first
    try {
      while (event !== undefined && !this.#stopped) {
        const failuresBefore = target.failures
        const { destination } = target
        const outcome = await this.#attempt(destination, event, lane.attempts + 1)
        // Stopped or forgotten meanwhile: its outcome belongs to nobody any more.
        if (this.#stopped || this.#targets.get(destination.id) !== target) return
        // Moved meanwhile: a failure of the old address is not the new one's.
        if (target.destination.url !== destination.url && outcome.kind !== 'delivered') continue
        if (!this.#record({ target, lane, event, failuresBefore }, outcome)) return
        event = this.#nextEvent(target, lane)
      }
    } catch (error) {
      this.#deps.log('error', 'delivery broke', { error: String(error) })
      lane.retryAt = this.#deps.clock.now() + (RETRY_SCHEDULE_MS[0] as number)
    } finally {
      lane.busy = false
      this.kick()
    }
  }

  async #attempt(destination: Destination, event: LoggedEvent, attempt: number): Promise<Outcome> {
    try {
      return await destination.deliver(event, attempt)
    } catch (error) {
      return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
    }
  }

  /** Writes an outcome down; true when the lane may go on at once. */
  #record({ target, lane, event, failuresBefore }: Attempt, outcome: Outcome): boolean {
    const { store, clock, random, log } = this.#deps
    const { destination } = target
    if (outcome.kind === 'delivered') {
      const recovered = target.failures > 0
      target.failures = 0
      target.pausedUntil = 0
      this.#advance(lane, event.sequence)
      if (recovered) this.kick()
      return true
    }
    target.lastError = outcome.error
    log('warn', 'delivery failed', {
      destination: destination.id,
      eventId: event.id,
      attempt: lane.attempts + 1,
      error: outcome.error,
    })
    if (outcome.kind === 'gone') {
      this.#flush()
      this.#targets.delete(destination.id)
      this.#deps.onGone(destination, outcome.error)
      return false
    }
    const now = clock.now()
    lane.attempts += 1
    const asked = outcome.retryAfterMs ?? 0
    if (lane.attempts > RETRY_SCHEDULE_MS.length) {
      store.park(destination.id, event.sequence, outcome.error, now)
      this.#advance(lane, event.sequence)
      lane.retryAt = now + retryDelay(1, asked, random)
    } else {
      lane.retryAt = now + retryDelay(lane.attempts, asked, random)
    }
    // Lanes that fail side by side met one failure: four would make 5 s of waiting 10 min.
    if (target.failures <= failuresBefore) {
      target.failures += 1
      target.pausedUntil = now + retryDelay(target.failures, asked, random)
    }
    lane.dirty = true
    this.#flush()
    return false
  }

  #advance(lane: Lane, sequence: number): void {
    lane.sequence = sequence
    lane.attempts = 0
    lane.retryAt = 0
    lane.dirty = true
    this.#cancelFlush ??= this.#deps.clock.after(CURSOR_FLUSH_MS, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    for (const { destination, lanes } of this.#targets.values()) {
      for (const lane of lanes) {
        if (!lane.dirty) continue
        lane.dirty = false
        const { lane: number, sequence, attempts, retryAt } = lane
        this.#deps.store.saveCursor(destination.id, { lane: number, sequence, attempts, retryAt })
      }
    }
  }

  #planWake(): void {
    this.#cancelWake()
    const at = this.nextAt()
    if (at === undefined || this.#stopped) return
    const delay = Math.max(0, at - this.#deps.clock.now())
    // Longer waits are left to the alarm; a timer would only die with the object.
    if (delay <= MINUTE) this.#cancelWake = this.#deps.clock.after(delay, () => this.kick())
  }
}
