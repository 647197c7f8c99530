/** Readers of the event log as operation rows and the edge see them. */

/** The most events of one page. */
export const MAX_PAGE = 500
/** The longest that a read waits for the next event. */
export const MAX_WAIT_S = 30

/** Which events somebody wants. */
export interface LogFilter {
  /** Names of events; `All` for every one that need not be named. */
  types: readonly string[]
  /** Events of these chats only; those that belong to no chat always pass. */
  chats?: readonly string[] | undefined
}

/** Where a reader begins. */
export interface LogPlace {
  /** Sequence of the last event the reader has. */
  after?: number | undefined
  /** Name of a reader whose place is stored; it counts where `after` is absent. */
  reader?: string | undefined
}

export interface LogQuery extends LogFilter {
  after: number
  limit: number
  /** How long to wait for the first event when there is none. */
  waitMs: number
}

export interface StoredEvent {
  sequence: number
  type: string
  /** As every reader gets it, byte for byte. */
  body: string
}

export interface LogPage {
  events: StoredEvent[]
  /** Where the next page begins: the last event that was looked at, wanted or not. */
  after: number
  /** There are events behind `after` now. */
  hasMore: boolean
  /** The oldest event that the log still has. */
  oldest: number
}

/** A named reader; all up to its place is dealt with. */
export interface ReaderPlace {
  reader: string
  sequence: number
  /** Events behind it, wanted or not. */
  pending: number
  createdAt: string
  updatedAt: string
}

/** The event log, for those who read it by themselves. */
export interface LogPort {
  /**
   * Where a reader begins; one with a new name is written down there.
   * @param otherwise where one begins that says nothing about it and has no stored place
   * @throws {GatewayError} EVENTS_GONE when events behind the place are no longer there; INVALID_INPUT
   *   for one that the log has not reached; CONFLICT when there are too many readers
   */
  start(place: LogPlace, otherwise: 'oldest' | 'newest'): number
  /** @throws {GatewayError} EVENTS_GONE */
  read(query: LogQuery): Promise<LogPage>
  /**
   * Moves a reader's place forward; an acknowledgement of less than is known changes nothing.
   * @throws {GatewayError} as `start` does
   */
  acknowledge(reader: string, sequence: number): ReaderPlace
  readers(): { readers: ReaderPlace[]; oldest: number; newest: number }
  /** @throws {GatewayError} NOT_FOUND */
  forget(reader: string): void
}
