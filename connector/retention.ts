import type { Clock, Random } from './clock.ts'
import type { KnownMessages } from './known-messages.ts'
import type { LogSize } from './log-size.ts'
import type { LoggedEvent, Store } from './store.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** How long whoever still needs events has after the warning. */
export const RETENTION_GRACE_MS = DAY_MS
/** At so many times the limit nothing waits any more. */
const HARD_LIMIT = 2
const EVERY_MS = HOUR_MS

export interface RetentionLimits {
  maxAgeMs: number
  maxBytes: number
}

/** Somebody with a place in the log: a destination, or a named reader. */
export interface Holder {
  id: string
  /** The first event it still needs; `undefined` = none. */
  needs(): number | undefined
  /** Events it still needs. */
  pending(): number
  /** Gives up events up to this one; tells how many of them it would have needed. */
  giveUp(through: number): number
}

/** What was said to the holders, kept until the log is within its limits again. */
export interface RetentionState {
  /** Unix ms. */
  warnedAt: number
  reason: string
}

export interface RetentionNews {
  webhookId: string
  reason: string
  pending?: number
  /** When it will be given up, ISO 8601. */
  deadline?: string
  /** Events that were given up. */
  dropped?: number
}

export interface RetentionDeps {
  store: Store
  size: LogSize
  /** What must outlive the events that tell it. */
  known: Pick<KnownMessages, 'keepMarks'>
  clock: Clock
  random: Random
  limits: RetentionLimits
  holders(): Holder[]
  onNews(news: RetentionNews): void
}

export interface RetentionFacts {
  now: number
  /** Last events that the limits, and twice the limits, have no room for; 0 = none. */
  softCut: number
  hardCut: number
  /** The first event that somebody needs. */
  neededFrom: number | undefined
  /** When the present warning was given; `undefined` = there is none. */
  warnedAt: number | undefined
}

export interface RetentionPlan {
  warning: 'none' | 'begins' | 'stays'
  /** Events up to here are given up; 0 = none. */
  giveUpThrough: number
  /** Events up to here go; 0 = none. */
  deleteThrough: number
}

/**
 * What has to go: nothing that somebody needs, before he was warned and had a day, or the log is
 * twice as old or large as it may be.
 */
export const retentionPlan = (facts: RetentionFacts): RetentionPlan => {
  const { now, softCut, hardCut, neededFrom = Number.POSITIVE_INFINITY, warnedAt } = facts
  if (neededFrom > softCut) {
    return { warning: 'none', giveUpThrough: 0, deleteThrough: softCut }
  }
  const isOverdue = warnedAt !== undefined && now - warnedAt >= RETENTION_GRACE_MS
  const cut = isOverdue ? softCut : hardCut
  const giveUpThrough = cut >= neededFrom ? cut : 0
  return {
    warning: warnedAt === undefined ? 'begins' : 'stays',
    giveUpThrough,
    deleteThrough: Math.max(giveUpThrough, Math.min(softCut, neededFrom - 1)),
  }
}

/** Keeps the event log within its limits, and never silently. Rules RT in SPEC.md. */
export class Retention {
  readonly #deps: RetentionDeps
  #lastRun: number
  #isRunning = false

  constructor(deps: RetentionDeps) {
    this.#deps = deps
    // By chance: after a restart all sessions would do it in the same moment, every hour.
    this.#lastRun = deps.clock.now() - deps.random() * EVERY_MS
  }

  /** The warning that holds now, for the status. */
  get warning(): (RetentionState & { deadline: number }) | undefined {
    const state = this.#deps.store.get('retention')
    return state && { ...state, deadline: state.warnedAt + RETENTION_GRACE_MS }
  }

  appended(event: LoggedEvent): void {
    const { size, limits } = this.#deps
    // Within a segment the size cannot change by much.
    if (size.appended(event) && size.bytes > limits.maxBytes) this.run()
  }

  tick(): void {
    if (this.#deps.clock.now() - this.#lastRun >= EVERY_MS) this.run()
  }

  run(): void {
    // A warning is an event itself.
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      this.#lastRun = this.#deps.clock.now()
      this.#run()
    } finally {
      this.#isRunning = false
    }
  }

  #run(): void {
    const { store, size, known, clock, limits } = this.#deps
    const now = clock.now()
    const holders = this.#deps.holders()
    const needs = holders.flatMap((holder) => holder.needs() ?? [])
    // The newest event stays: it keeps the place where the numbers go on.
    const newest = store.lastSequence - 1
    const cut = (times: number) =>
      Math.min(
        newest,
        Math.max(
          size.lastBefore(now - limits.maxAgeMs * times),
          size.lastBeyond(limits.maxBytes * times),
        ),
      )
    const state = store.get('retention')
    const plan = retentionPlan({
      now,
      softCut: cut(1),
      hardCut: cut(HARD_LIMIT),
      neededFrom: needs.length === 0 ? undefined : Math.min(...needs),
      warnedAt: state?.warnedAt,
    })
    if (plan.warning === 'none') store.delete('retention')
    const reason = `the log is ${size.bytes > limits.maxBytes ? 'larger' : 'older'} than it may be`
    if (plan.warning === 'begins') {
      store.set('retention', { warnedAt: now, reason })
      const deadline = new Date(now + RETENTION_GRACE_MS).toISOString()
      for (const holder of holders) {
        const need = holder.needs()
        if (need === undefined || need > cut(1)) continue
        const pending = holder.pending()
        this.#deps.onNews({ webhookId: holder.id, reason, pending, deadline })
      }
    }
    if (plan.giveUpThrough > 0) {
      for (const holder of holders) {
        const dropped = holder.giveUp(plan.giveUpThrough)
        if (dropped > 0) this.#deps.onNews({ webhookId: holder.id, reason, dropped })
      }
    }
    if (plan.deleteThrough === 0) return
    known.keepMarks(plan.deleteThrough)
    size.deleteThrough(plan.deleteThrough)
  }
}
