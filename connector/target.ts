import type { Random } from './clock.ts'
import type { DeliveryStore, DestinationState, Redelivery } from './delivery-store.ts'
import type { Destination, Events, Outcome } from './destination.ts'
import { LANES, type Lane } from './lane.ts'
import { RETRY_SCHEDULE_MS, retryDelay } from './retry-schedule.ts'
import type { LoggedEvent } from './store.ts'

const DAY_MS = 86_400_000
/** Without one success for so long, a destination is disabled. */
export const HOPELESS_AFTER_MS = 5 * DAY_MS
/** How exactly the time of the last success is stored. */
const SUCCESS_NOTED_EVERY_MS = 60_000

/** What of the store a target uses while it decides. */
export type TargetStore = Pick<
  DeliveryStore,
  | 'eventsAfter'
  | 'event'
  | 'nextRedelivery'
  | 'redeliveries'
  | 'putRedelivery'
  | 'dropRedelivery'
  | 'park'
  | 'unpark'
>

/** One attempt to make, and where its events come from. */
export interface Job {
  /** The destination as it was when the attempt began. */
  destination: Destination
  events: Events
  attempt: number
  replay: boolean
  /** Lanes that wait for it; none for a redelivery. */
  lanes: readonly Lane[]
  redelivery?: Redelivery
  /** Failures in a row when it began. */
  failuresBefore: number
}

/** What became of the events of an attempt. */
export type Verdict = 'delivered' | 'failed' | 'parked' | 'gone'

/**
 * One destination's place in the log and its health: decides what to attempt next and what an
 * outcome means. Synchronous and without a clock of its own; `Delivery` runs the attempts.
 */
export class Target {
  destination: Destination
  readonly lanes: readonly Lane[]
  readonly state: DestinationState
  /** `state` differs from what is stored. */
  dirty = false
  readonly #store: TargetStore
  readonly #random: Random
  #inFlight = 0
  #isRedelivering = false
  /** When the next redelivery becomes due; `undefined` = none waits. */
  #redeliveryAt: number | undefined
  /** Where the next probe looks first, so that one bad event cannot be the only probe. */
  #probeLane = 0
  /** When an unfilled batch has waited long enough; `undefined` = none waits. */
  #batchAt: number | undefined
  /** Last event of the batch that failed: it is tried again as it was. */
  #batchEnd: number | undefined
  #notedSuccessAt = 0

  constructor(
    destination: Destination,
    lanes: readonly Lane[],
    state: DestinationState,
    deps: { store: TargetStore; random: Random },
  ) {
    this.destination = destination
    this.lanes = lanes
    this.state = state
    this.#store = deps.store
    this.#random = deps.random
    this.#notedSuccessAt = state.lastSuccessAt
    this.#lookForRedeliveries()
    this.configure(destination)
  }

  /** Takes changed settings. What failed at another address says nothing of this one. */
  configure(destination: Destination): void {
    this.destination = destination
    const wants: Destination['wants'] = (event) => destination.wants(event)
    for (const lane of this.lanes) lane.filter(wants, destination.batch?.maxEvents)
    if (this.state.url === destination.url) return
    this.forgive()
    this.state.url = destination.url
    for (const lane of this.lanes) lane.wait(0, 0)
  }

  /** Forgets the failures: somebody says that it works now. */
  forgive(): void {
    const fresh = { failures: 0, pausedUntil: 0, failingSince: 0, lastError: null, disabled: null }
    Object.assign(this.state, fresh)
    for (const lane of this.lanes) lane.wait(lane.attempts, 0)
    this.dirty = true
  }

  /** New rows were put among the redeliveries. */
  redeliver(): void {
    this.#lookForRedeliveries()
  }

  appended(event: LoggedEvent): void {
    this.lanes[event.lane]?.appended(event)
  }

  /** Redeliveries that wait or run. */
  get hasRedeliveries(): boolean {
    return this.#redeliveryAt !== undefined
  }

  /** The next attempt to make now. The caller runs it and calls `settle`. */
  take(now: number): Job | undefined {
    if (this.destination.paused) return undefined
    const { state } = this
    if (state.failures > 0 && (now < state.pausedUntil || this.#inFlight > 0)) return undefined
    const { batch, order } = this.destination
    const isMerged = batch !== undefined || order === 'strict'
    const job = (isMerged ? this.#merged(now) : this.#single(now)) ?? this.#again(now)
    if (job === undefined) {
      if (state.failures > 0 && !this.#isWaiting(now)) this.#becalm()
      return undefined
    }
    this.#inFlight += 1
    for (const lane of job.lanes) lane.busy = true
    if (job.redelivery !== undefined) this.#isRedelivering = true
    return job
  }

  /** What an outcome means. Waiting, parking and the rest are in the stores' rows afterwards. */
  settle(job: Job, outcome: Outcome, now: number): Verdict {
    this.#inFlight -= 1
    for (const lane of job.lanes) lane.busy = false
    if (job.redelivery !== undefined) this.#isRedelivering = false
    if (outcome.kind === 'delivered') {
      this.#succeeded(job, now)
      return 'delivered'
    }
    // Moved meanwhile: a failure of the old address is not the new one's.
    if (job.destination.url !== this.destination.url) return 'failed'
    this.state.lastError = outcome.error
    this.dirty = true
    if (outcome.kind === 'gone') return 'gone'
    const asked = outcome.retryAfterMs ?? 0
    const parked = this.#failed(job, outcome.error, asked, now)
    // Lanes that fail side by side met one failure: four would make 5 s of waiting 10 min.
    if (this.state.failures <= job.failuresBefore) {
      this.state.failures += 1
      this.state.pausedUntil = now + this.#delay(this.state.failures, asked)
    }
    this.state.failingSince ||= now
    return parked ? 'parked' : 'failed'
  }

  /** Whether it has failed for so long that trying on makes no sense. */
  isHopeless(now: number): boolean {
    const { failures, failingSince } = this.state
    const givesUp = this.destination.givesUp ?? true
    return givesUp && failures > 0 && now - failingSince >= HOPELESS_AFTER_MS
  }

  get isBusy(): boolean {
    return this.#inFlight > 0
  }

  /** The next moment after `now` at which a wait of it ends, if it waits for a time. */
  nextAt(now: number): number | undefined {
    if (this.destination.paused) return undefined
    const waits = this.lanes.flatMap(({ busy, retryAt }) => (busy || retryAt === 0 ? [] : retryAt))
    if (this.#batchAt !== undefined) waits.push(this.#batchAt)
    if (this.#redeliveryAt !== undefined) waits.push(this.#redeliveryAt)
    const { failures, pausedUntil } = this.state
    if (failures > 0) waits.push(0)
    let next = Number.POSITIVE_INFINITY
    for (const wait of waits) {
      const at = failures > 0 ? Math.max(wait, pausedUntil) : wait
      if (at > now) next = Math.min(next, at)
    }
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** Each lane on its own. */
  #single(now: number): Job | undefined {
    const isProbe = this.state.failures > 0
    for (let i = 0; i < LANES; i += 1) {
      const lane = this.lanes[(this.#probeLane + i) % LANES] as Lane
      if (lane.busy || now < lane.retryAt) continue
      const event = lane.at(0)
      if (event === undefined) continue
      if (isProbe) this.#probeLane = (lane.lane + 1) % LANES
      return this.#job([event], lane.attempts + 1, { lanes: [lane] })
    }
    return undefined
  }

  /** All lanes as one, in the order of the log; one attempt at a time. */
  #merged(now: number): Job | undefined {
    this.#batchAt = undefined
    if (this.lanes.some(({ busy }) => busy)) return undefined
    const { batch } = this.destination
    const events = this.#nextOfAll(batch?.maxEvents ?? 1)
    const [first] = events
    const lane = first && this.lanes[first.lane]
    if (first === undefined || lane === undefined || now < lane.retryAt) return undefined
    const isRepeat = lane.attempts > 0
    if (batch !== undefined && !isRepeat && events.length < batch.maxEvents) {
      const ripe = first.createdAt + batch.maxWaitMs
      if (now < ripe) {
        this.#batchAt = ripe
        return undefined
      }
    }
    // A batch that failed comes again as it was, so that its receiver can know it again.
    const end = isRepeat ? (this.#batchEnd ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    const rest = events.slice(1).filter(({ sequence }) => sequence <= end)
    return this.#job([first, ...rest], lane.attempts + 1, { lanes: this.lanes })
  }

  #nextOfAll(count: number): LoggedEvent[] {
    const places = this.lanes.map(() => 0)
    const events: LoggedEvent[] = []
    while (events.length < count) {
      let next: LoggedEvent | undefined
      for (const [index, lane] of this.lanes.entries()) {
        const event = lane.at(places[index] ?? 0)
        if (event && (next === undefined || event.sequence < next.sequence)) next = event
      }
      if (next === undefined) break
      places[next.lane] = (places[next.lane] ?? 0) + 1
      events.push(next)
    }
    return events
  }

  /** What was asked for again, one at a time beside the live events. */
  #again(now: number): Job | undefined {
    while (!this.#isRedelivering && this.#redeliveryAt !== undefined && this.#redeliveryAt <= now) {
      const redelivery = this.#store.nextRedelivery(this.destination.id, now)
      if (redelivery === undefined) this.#lookForRedeliveries()
      else {
        const event = this.#store.event(redelivery.sequence)
        const { attempts, replay } = redelivery
        if (event !== undefined && this.destination.wants(event)) {
          return this.#job([event], attempts + 1, { lanes: [], redelivery, replay })
        }
        this.#store.dropRedelivery(this.destination.id, redelivery.sequence)
      }
    }
    return undefined
  }

  #job(
    events: Events,
    attempt: number,
    from: Pick<Job, 'lanes' | 'redelivery'> & { replay?: boolean },
  ): Job {
    const { destination, state } = this
    return { destination, events, attempt, replay: false, failuresBefore: state.failures, ...from }
  }

  #succeeded(job: Job, now: number): void {
    const { state } = this
    const { id } = this.destination
    const wasFailing = state.failures > 0
    Object.assign(state, { failures: 0, pausedUntil: 0, failingSince: 0, lastSuccessAt: now })
    if (wasFailing || now - this.#notedSuccessAt >= SUCCESS_NOTED_EVERY_MS) {
      this.#notedSuccessAt = now
      this.dirty = true
    }
    if (job.redelivery !== undefined) {
      this.#store.dropRedelivery(id, job.redelivery.sequence)
      this.#store.unpark(id, job.redelivery.sequence)
      this.#lookForRedeliveries()
    }
    this.#pass(job)
  }

  /** True when the events are given up on. */
  #failed(job: Job, error: string, asked: number, now: number): boolean {
    const { id, givesUp = true, order } = this.destination
    const { attempt, events, redelivery } = job
    const isOver = givesUp && attempt > this.#schedule.length
    const retryAt = now + this.#delay(isOver ? 1 : attempt, asked)
    if (isOver) for (const { sequence } of events) this.#store.park(id, sequence, error, now)
    if (redelivery !== undefined) {
      if (isOver) this.#store.dropRedelivery(id, redelivery.sequence)
      else this.#store.putRedelivery(id, { ...redelivery, attempts: attempt, retryAt })
      this.#lookForRedeliveries()
      return isOver
    }
    const letsPass = order === 'none' && !isOver
    if (letsPass) {
      for (const { sequence } of events) {
        this.#store.putRedelivery(id, { sequence, attempts: attempt, retryAt, replay: false })
      }
      this.#lookForRedeliveries()
    }
    if (isOver || letsPass) this.#pass(job)
    const [first] = events
    const lane = this.lanes[first.lane]
    if (isOver) lane?.wait(0, retryAt)
    else if (!letsPass) {
      lane?.wait(attempt, retryAt)
      this.#batchEnd = events.at(-1)?.sequence
    }
    return isOver
  }

  /** The lanes go on behind the events of an attempt. */
  #pass(job: Job): void {
    this.#batchEnd = undefined
    if (job.lanes.length === 0) return
    for (const { lane, sequence } of job.events) this.lanes[lane]?.advance(sequence)
  }

  #lookForRedeliveries(): void {
    const { count, dueAt } = this.#store.redeliveries(this.destination.id)
    this.#redeliveryAt = count === 0 ? undefined : dueAt
  }

  #isWaiting(now: number): boolean {
    return (
      this.#inFlight > 0 ||
      this.#redeliveryAt !== undefined ||
      this.lanes.some(({ retryAt }) => retryAt > now)
    )
  }

  /** Nothing is left to probe with: what failed was parked or is no longer wanted. */
  #becalm(): void {
    this.state.failures = 0
    this.state.pausedUntil = 0
    this.dirty = true
  }

  get #schedule(): readonly number[] {
    return this.destination.scheduleMs ?? RETRY_SCHEDULE_MS
  }

  #delay(failures: number, asked: number): number {
    return retryDelay(this.#schedule, failures, asked, this.#random)
  }
}
