import type { Clock } from './clock.ts'
import type { EventRow } from './store.ts'

/** From the beginning of one write to that of the next: what comes in between is written together. */
export const SPACING_MS = 5
/** How long what is settled may stay in the journal when nothing else has to be written. */
const TRIM_MS = 2_000
/** A write that was meant to begin and did not: whoever meant to is gone. */
const STALE_MS = 250

/** Events of one write, as they lie in the journal's database. */
export interface JournalBatch {
  id: number
  entries: JournalEntry[]
}

export interface JournalEntry {
  /** Object id of its session. */
  session: string
  row: EventRow
}

/** What one write does. */
export interface JournalWrite {
  /** `undefined` when there is only something to delete. */
  batch: JournalBatch | undefined
  /** Batches that nobody needs any more. */
  settled: number[]
}

interface Kept extends JournalEntry {
  batch?: number
  stored(): void
  failed(error: unknown): void
}

/**
 * The memory of the journal, shared by all sessions of a process: the events of one moment are written
 * by one commit, which costs the disk as much as that of a single event. A session copies its own events
 * to its own database about once a second; until that is on disk, they stay here. Rules JN in SPEC.md.
 */
export class SharedJournal {
  #isLoaded = false
  #nextBatch = 1
  /** What is not settled, by session, oldest first. */
  readonly #kept = new Map<string, Kept[]>()
  #waiting: Kept[] = []
  /** How many entries of each written batch are kept. */
  readonly #counts = new Map<number, number>()
  #settled: number[] = []
  #armedAt: number | undefined
  #writtenAt = 0

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Takes what an earlier process left. Only the first time: after that memory knows better. */
  load(batches: readonly JournalBatch[]): void {
    if (this.#isLoaded) return
    this.#isLoaded = true
    for (const { id, entries } of batches) {
      this.#nextBatch = Math.max(this.#nextBatch, id + 1)
      this.#counts.set(id, entries.length)
      for (const entry of entries) this.#keep({ ...entry, batch: id, ...nobodyWaits })
    }
  }

  /** Events that a session's own database may lack, oldest first. */
  rowsOf(session: string): EventRow[] {
    return (this.#kept.get(session) ?? []).map(({ row }) => row)
  }

  /** Resolves when the event is on disk. `begin` is called once for all that come within a moment. */
  append(session: string, row: EventRow, clock: Clock, begin: () => void): Promise<void> {
    return new Promise((stored, failed) => {
      const entry = { session, row, stored, failed }
      this.#keep(entry)
      this.#waiting.push(entry)
      this.#arm(clock, begin)
    })
  }

  /** The session has its events up to this one on disk itself. */
  settle(session: string, through: number, clock: Clock, begin: () => void): void {
    const kept = this.#kept.get(session)
    if (kept === undefined) return
    const left = kept.filter((entry) => entry.row.sequence > through)
    for (const entry of kept) {
      if (entry.row.sequence > through) continue
      this.#release(entry)
      entry.stored()
    }
    if (left.length === 0) this.#kept.delete(session)
    else this.#kept.set(session, left)
    clock.after(TRIM_MS, () => this.#settled.length > 0 && this.#arm(clock, begin))
  }

  /** What is to be written now. The caller says `written` or `lost` afterwards. */
  take(now: number): JournalWrite | undefined {
    this.#armedAt = undefined
    this.#writtenAt = now
    // Some are on disk already, with their session.
    const entries = this.#waiting.filter((entry) => this.#isKept(entry))
    this.#waiting = []
    const settled = this.#settled.splice(0)
    if (entries.length === 0) {
      return settled.length === 0 ? undefined : { batch: undefined, settled }
    }
    const id = this.#nextBatch++
    this.#counts.set(id, entries.length)
    for (const entry of entries) entry.batch = id
    return { batch: { id, entries }, settled }
  }

  written({ batch }: JournalWrite): void {
    for (const { stored } of (batch?.entries ?? []) as Kept[]) stored()
  }

  /**
   * Nobody knows what of it is on disk: each session writes its own events. Until it has, they go before
   * later ones, or a crash would leave a gap.
   */
  lost({ batch, settled }: JournalWrite, error: unknown): void {
    this.#settled.push(...settled)
    if (batch !== undefined) {
      this.#counts.delete(batch.id)
      this.#settled.push(batch.id)
      this.#waiting.unshift(...(batch.entries as Kept[]))
    }
    this.refuse(error)
  }

  /** The journal cannot write. */
  refuse(error: unknown): void {
    this.#armedAt = undefined
    this.#waiting = this.#waiting.filter((entry) => this.#isKept(entry))
    for (const { failed } of this.#waiting) failed(error)
  }

  #keep(entry: Kept): void {
    const kept = this.#kept.get(entry.session)
    if (kept === undefined) this.#kept.set(entry.session, [entry])
    else kept.push(entry)
  }

  #isKept(entry: Kept): boolean {
    return this.#kept.get(entry.session)?.includes(entry) === true
  }

  #release({ batch }: Kept): void {
    const before = batch === undefined ? undefined : this.#counts.get(batch)
    if (batch === undefined || before === undefined) return
    const count = before - 1
    if (count > 0) this.#counts.set(batch, count)
    else {
      this.#counts.delete(batch)
      this.#settled.push(batch)
    }
  }

  #arm(clock: Clock, begin: () => void): void {
    const now = clock.now()
    if (this.#armedAt !== undefined && now - this.#armedAt < STALE_MS) return
    this.#armedAt = now
    const wait = this.#writtenAt + SPACING_MS - now
    if (wait <= 0 || wait > SPACING_MS) begin()
    else clock.after(wait, begin)
  }
}

const nobodyWaits = { stored: () => {}, failed: () => {} }

/** The journal as one session has it. */
export interface SessionJournal {
  /** Events that the session's own database may lack, oldest first. */
  rows(): EventRow[]
  /** Resolves when the event is on disk. */
  append(row: EventRow): Promise<void>
  /**
   * The session's own database has its events up to this one, by statements of this turn.
   * Resolves when they are on disk.
   */
  settle(through: number): Promise<void>
}
