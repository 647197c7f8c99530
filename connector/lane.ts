import type { Cursor } from './delivery-store.ts'
import type { EventFacts } from './destination.ts'
import type { LoggedEvent } from './store.ts'

/** Events of one chat share a lane, so they stay in order; lanes go in parallel. */
export const LANES = 4
export const laneOf = (chatId: string | undefined): number => {
  let hash = 0
  for (const char of chatId ?? '') hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0
  return (hash >>> 0) % LANES
}

/** Events kept in memory ahead of a cursor. */
const READ_AHEAD = 32
/** Characters of their bodies, unless the first one alone is larger: some have a file in them. */
export const READ_AHEAD_CHARS = 1024 * 1024

/** Some events of a lane. */
export interface LogPart {
  events: LoggedEvent[]
  /** There is nothing behind them. */
  isEnd: boolean
}

/** Where a lane reads from. */
export interface EventSource {
  /**
   * Events of a lane behind a sequence, oldest first. None when there are none; otherwise as many as
   * have no more than so many characters together, and one at least.
   */
  eventsAfter(lane: number, sequence: number, limit: number, maxChars: number): LogPart
}

/**
 * A destination's place in one lane of the log. What was just appended is taken over from memory;
 * the log is read only after a start, a change of the filter, a failure or a burst.
 */
export class Lane implements Cursor {
  readonly lane: number
  sequence: number
  attempts: number
  retryAt: number
  /** An attempt at its next events is running. */
  busy = false
  /** Differs from what is stored. */
  dirty = false
  /** Wanted events behind the cursor, as far as they were read. */
  #ahead: LoggedEvent[] = []
  #aheadChars = 0
  /** Up to here the lane's events were looked at. */
  #seen: number
  /** Nothing is in the log behind `#seen`. */
  #knowsAll = false
  readonly #source: EventSource
  #wants: (event: EventFacts) => boolean
  #limit = READ_AHEAD

  constructor(cursor: Cursor, source: EventSource, wants: (event: EventFacts) => boolean) {
    this.lane = cursor.lane
    this.sequence = cursor.sequence
    this.attempts = cursor.attempts
    this.retryAt = cursor.retryAt
    this.#seen = cursor.sequence
    this.#source = source
    this.#wants = wants
  }

  /** Takes another filter and forgets what the old one let through. */
  filter(wants: (event: EventFacts) => boolean, limit = READ_AHEAD): void {
    this.#wants = wants
    this.#limit = Math.max(limit, READ_AHEAD)
    this.forget()
  }

  /** Drops what was read ahead: a lane that waits for hours must not hold memory. */
  forget(): void {
    this.#ahead = []
    this.#aheadChars = 0
    this.#seen = this.sequence
    this.#knowsAll = false
  }

  /** An event was appended to this lane. */
  appended(event: LoggedEvent): void {
    if (!this.#knowsAll || event.sequence <= this.#seen) return
    if (this.#ahead.length >= this.#limit || this.#isFull) this.#knowsAll = false
    else this.#look(event)
  }

  /**
   * The wanted event at a place behind the cursor, the next one being 0. `undefined` also for one that
   * there is no room for before those in front of it are gone.
   */
  at(index: number): LoggedEvent | undefined {
    while (this.#ahead.length <= index && !this.#knowsAll && !this.#isFull) {
      const room = READ_AHEAD_CHARS - this.#aheadChars
      const { events, isEnd } = this.#source.eventsAfter(this.lane, this.#seen, this.#limit, room)
      for (const event of events) this.#look(event)
      this.#knowsAll = isEnd
    }
    return this.#ahead[index]
  }

  /** Everything up to here is delivered or given up on. */
  advance(sequence: number): void {
    this.attempts = 0
    this.retryAt = 0
    this.sequence = Math.max(this.sequence, sequence)
    this.#seen = Math.max(this.#seen, sequence)
    while (this.#ahead[0] !== undefined && this.#ahead[0].sequence <= sequence) {
      this.#aheadChars -= this.#ahead.shift()?.body.length ?? 0
    }
    if (this.#ahead.length === 0) this.sequence = this.#seen
    this.dirty = true
  }

  /** The next events failed and wait. */
  wait(attempts: number, retryAt: number): void {
    this.attempts = attempts
    this.retryAt = retryAt
    this.dirty = true
    this.forget()
  }

  get #isFull(): boolean {
    return this.#aheadChars >= READ_AHEAD_CHARS
  }

  #look(event: LoggedEvent): void {
    this.#seen = event.sequence
    if (this.#wants(event)) {
      this.#ahead.push(event)
      this.#aheadChars += event.body.length
      // What nobody wants must not hold retention back.
    } else if (this.#ahead.length === 0) this.advance(event.sequence)
  }
}
