import { GatewayError } from '../schema/errors.ts'
import { wantsEvent } from '../schema/events.ts'
import type {
  LogFilter,
  LogPage,
  LogPlace,
  LogPort,
  LogQuery,
  ReaderPlace,
} from '../schema/log-port.ts'
import type { Clock } from './clock.ts'
import type { EventHead, ReaderRow, ReaderStore } from './reader-store.ts'
import type { Holder } from './retention.ts'
import type { LoggedEvent, Store } from './store.ts'

export const MAX_READERS = 20
/** Bodies of one page, unless the first one alone is larger. */
export const PAGE_BYTES = 1024 * 1024
/** Events that one read looks at, however few of them are wanted. */
export const MAX_SCAN = 10_000
/** Reads that may wait at once; one more lets the one that waits longest answer. */
export const MAX_WAITING = 100
const SCAN_STEP = 500

export interface LogReaderDeps {
  store: ReaderStore
  log: Pick<Store, 'lastSequence'>
  clock: Clock
}

/**
 * The reading end of the event log for those who come and fetch: pages, waiting for the next event,
 * and named readers whose place is kept. Rules RD in SPEC.md.
 */
export class LogReader implements LogPort {
  readonly #deps: LogReaderDeps
  readonly #listeners = new Set<(event: LoggedEvent) => void>()
  /** Ends the waiting of each read that waits, the longest first. */
  readonly #waiting = new Set<() => void>()

  constructor(deps: LogReaderDeps) {
    this.#deps = deps
  }

  /** Calls `listener` after each append until the returned function is called. */
  listen(listener: (event: LoggedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** An event became durable. */
  appended(event: LoggedEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** Lets nobody wait any longer. */
  stop(): void {
    for (const end of this.#waiting) end()
  }

  start({ after, reader }: LogPlace, otherwise: 'oldest' | 'newest'): number {
    const { store } = this.#deps
    const known = reader === undefined ? undefined : store.reader(reader)
    const { newest } = this
    const place = after ?? known?.sequence ?? (otherwise === 'oldest' ? this.oldest - 1 : newest)
    this.#check(place)
    if (reader !== undefined && known === undefined) this.#add(reader, place)
    return place
  }

  async read({ after, limit, waitMs, ...filter }: LogQuery): Promise<LogPage> {
    const page = this.page(after, limit, filter)
    if (page.events.length > 0 || page.hasMore || waitMs <= 0) return page
    await this.#next(waitMs, filter)
    return this.page(page.after, limit, filter)
  }

  /**
   * What there is behind a place now.
   * @throws {GatewayError} EVENTS_GONE, INVALID_INPUT
   */
  page(after: number, limit: number, filter: LogFilter): LogPage {
    this.#check(after)
    const { store } = this.#deps
    const step = Math.min(SCAN_STEP, limit + 1)
    const wanted: number[] = []
    let place = after
    let bytes = 0
    let scanned = 0
    let hasMore = true
    scan: while (scanned < MAX_SCAN) {
      const heads = store.heads(place, step)
      for (const head of heads) {
        if (isWanted(filter, head)) {
          const isFull = wanted.length === limit || bytes + head.sizeBytes > PAGE_BYTES
          if (wanted.length > 0 && isFull) break scan
          wanted.push(head.sequence)
          bytes += head.sizeBytes
        }
        place = head.sequence
      }
      scanned += heads.length
      if (heads.length < step) {
        hasMore = false
        break
      }
    }
    return { events: store.events(wanted), after: place, hasMore, oldest: this.oldest }
  }

  acknowledge(reader: string, sequence: number): ReaderPlace {
    const { store, clock } = this.#deps
    const known = store.reader(reader)
    if (known === undefined) {
      this.#check(sequence, 'sequence')
      this.#add(reader, sequence)
    } else if (sequence > known.sequence) {
      this.#check(sequence, 'sequence')
      store.moveReader(reader, sequence, clock.now())
    }
    return this.#shown(this.#find(reader))
  }

  readers(): { readers: ReaderPlace[]; oldest: number; newest: number } {
    const readers = this.#deps.store.readers().map((row) => this.#shown(row))
    return { readers, oldest: this.oldest, newest: this.newest }
  }

  forget(reader: string): void {
    this.#find(reader)
    this.#deps.store.deleteReader(reader)
  }

  /** What the named readers need of the log. */
  holders(): Holder[] {
    const { store, clock } = this.#deps
    return store.readers().map(({ name, sequence }) => ({
      id: `reader:${name}`,
      needs: () => (sequence < this.newest ? sequence + 1 : undefined),
      pending: () => this.newest - sequence,
      giveUp: (through) => {
        const dropped = Math.max(0, through - sequence)
        if (dropped > 0) store.moveReader(name, through, clock.now())
        return dropped
      },
    }))
  }

  /** The oldest event there is; in an empty log the first one to come. */
  get oldest(): number {
    return this.#deps.store.oldest() ?? this.newest + 1
  }

  get newest(): number {
    return this.#deps.log.lastSequence
  }

  #find(reader: string): ReaderRow {
    const row = this.#deps.store.reader(reader)
    if (row === undefined) throw new GatewayError('NOT_FOUND', `there is no reader ${reader}`)
    return row
  }

  #add(reader: string, sequence: number): void {
    const { store, clock } = this.#deps
    if (store.readers().length >= MAX_READERS) {
      throw new GatewayError('CONFLICT', `there are ${MAX_READERS} readers: delete one first`)
    }
    store.addReader(reader, sequence, clock.now())
  }

  #check(after: number, field = 'after'): void {
    const { oldest, newest } = this
    if (after < oldest - 1) {
      throw new GatewayError('EVENTS_GONE', `events before ${oldest} are no longer there`, {
        details: { oldest },
      })
    }
    if (after > newest) {
      // Passing on the newest would skip events that come later under these numbers.
      throw new GatewayError('INVALID_INPUT', `the newest event is ${newest}`, {
        field,
        details: { newest },
      })
    }
  }

  #shown({ name, sequence, createdAt, updatedAt }: ReaderRow): ReaderPlace {
    return {
      reader: name,
      sequence,
      pending: this.newest - sequence,
      createdAt: new Date(createdAt).toISOString(),
      updatedAt: new Date(updatedAt).toISOString(),
    }
  }

  /** Resolves at the next wanted event, or when the time is over. */
  #next(waitMs: number, filter: LogFilter): Promise<void> {
    const [longest] = this.#waiting
    if (this.#waiting.size >= MAX_WAITING) longest?.()
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        unlisten()
        this.#waiting.delete(end)
        resolve()
      }
      const cancel = this.#deps.clock.after(waitMs, end)
      const unlisten = this.listen((event) => {
        if (isWanted(filter, event)) end()
      })
      this.#waiting.add(end)
    })
  }
}

export const isWanted = (
  { types, chats }: LogFilter,
  { type, chatId }: Pick<EventHead, 'type' | 'chatId'>,
): boolean =>
  wantsEvent(types, type) && (chats === undefined || chatId === null || chats.includes(chatId))
