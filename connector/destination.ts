import type { LoggedEvent } from './store.ts'

/** What a filter looks at. */
export type EventFacts = Pick<LoggedEvent, 'type' | 'chatId'>

/** The events of one attempt, in the order of the log. Never empty. */
export type Events = readonly [LoggedEvent, ...LoggedEvent[]]

/** What the receiver said, as far as it was read. */
export interface Answer {
  status: number
  /** The first 1 KiB. */
  body: string
}

/** What came of one attempt. */
export type Outcome =
  | { kind: 'delivered'; answer?: Answer }
  | { kind: 'failed'; error: string; retryAfterMs?: number; answer?: Answer }
  /** The receiver says it wants nothing more (410). */
  | { kind: 'gone'; error: string; answer?: Answer }

export interface AttemptFacts {
  /** 1 for the first attempt at these events. */
  attempt: number
  /** Somebody asked for these events again. */
  replay: boolean
}

/**
 * - `chat`: events of one chat stay in order; up to four chats are served side by side.
 * - `strict`: one event after the other, in the order of the log.
 * - `none`: an event that fails lets those behind it pass.
 */
export type DeliveryOrder = 'chat' | 'strict' | 'none'

export interface Batching {
  /** Events that one attempt carries at most. */
  maxEvents: number
  /** How long the first event of a batch waits for others. */
  maxWaitMs: number
}

/**
 * A reader of the event log that events are pushed to. What is generic is done by `Delivery`: order,
 * retries, pauses, parking, the log of attempts. A kind of destination only knows how to hand events
 * over, once, and what the receiver's reaction means.
 */
export interface Destination {
  /** Names the place in the log; kept through restarts. */
  readonly id: string
  /** Where it leads; another URL is another destination under the same name. */
  readonly url: string
  /** Default `chat`. */
  readonly order?: DeliveryOrder
  /** Several events an attempt, in the order of the log, one attempt at a time. */
  readonly batch?: Batching
  /** Waits before attempts 2, 3, … Default: `RETRY_SCHEDULE_MS`. */
  readonly scheduleMs?: readonly number[]
  /**
   * Default `true`: after the schedule an event is parked, and five days without a success disable
   * the destination. `false`: the last wait repeats for ever, for receivers that the operator runs.
   */
  readonly givesUp?: boolean
  /** A person has paused it: nothing is sent, nothing is lost. */
  readonly paused?: boolean
  wants(event: EventFacts): boolean
  /**
   * Hands the stored bytes of the events over, with their ids, and tells what came of it. It ends by
   * itself in bounded time. The same events may come again: the receiver must be able to see that.
   * A thrown error counts as `failed`; neither it nor an outcome may hold a secret or a URL.
   */
  deliver(events: Events, facts: AttemptFacts): Promise<Outcome>
}
