import type { Clock } from './clock.ts'
import type { EventRow } from './store.ts'

/** From the beginning of one write to that of the next: what comes in between is written together. */
export const SPACING_MS = 10
/** How long what is settled may stay in the journal when nothing else has to be written. */
const TRIM_MS = 2_000
/** A write that was meant to begin and did not: whoever meant to is gone. */
const STALE_MS = 250
/** How long after the beginning of a write a session looks whether its events are on disk, and then again. */
const LOOK_MS = 2

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
  /** On disk, or refused. */
  outcome?: 'stored' | { error: unknown }
}

/**
 * The memory of the journal, shared by all sessions of a process: the events of one moment are written
 * by one commit, which costs the disk as much as that of a single event. A session copies its own events
 * to its own database about once a second; until that is on disk, they stay here. Rules JN in SPEC.md.
 *
 * Nothing but data: whoever is told something goes on in the object that tells it, where it must not touch
 * anything of its own. So everybody looks for himself.
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
  /** What is being written, as far as anybody knows. */
  #work: JournalWrite | undefined
  #claimedAt: number | undefined
  /** When the next write was to begin. */
  #dueAt = 0
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
      for (const entry of entries) this.#keep({ ...entry, batch: id, outcome: 'stored' })
    }
  }

  /** Events that a session's own database may lack, oldest first. */
  rowsOf(session: string): EventRow[] {
    return (this.#kept.get(session) ?? []).map(({ row }) => row)
  }

  append(session: string, row: EventRow): Readonly<Kept> {
    const entry = { session, row }
    this.#keep(entry)
    this.#waiting.push(entry)
    return entry
  }

  /** The session has its events up to this one on disk itself. */
  settle(session: string, through: number): void {
    const kept = this.#kept.get(session)
    if (kept === undefined) return
    const left = kept.filter((entry) => entry.row.sequence > through)
    for (const entry of kept) if (entry.row.sequence <= through) this.#release(entry)
    if (left.length === 0) this.#kept.delete(session)
    else this.#kept.set(session, left)
  }

  /** There are batches to be deleted. */
  get hasSettled(): boolean {
    return this.#settled.length > 0
  }

  /**
   * Asks to begin the next write.
   * @returns how long to wait before it; `undefined` when somebody else is about to
   */
  claim(now: number): number | undefined {
    const isFresh = (at: number | undefined) => at !== undefined && now - at < STALE_MS
    const isWriting = this.#work !== undefined && isFresh(this.#writtenAt)
    if (isWriting || isFresh(this.#claimedAt)) return undefined
    this.#claimedAt = now
    const wait = Math.min(SPACING_MS, Math.max(0, this.#writtenAt + SPACING_MS - now))
    this.#dueAt = now + wait
    return wait
  }

  /** How long it is until the write that somebody is about to begin. */
  untilWrite(now: number): number {
    return this.#claimedAt === undefined ? 0 : Math.max(0, this.#dueAt - now)
  }

  /** What is to be written now. The caller says `written` or `lost` afterwards. */
  take(now: number): JournalWrite | undefined {
    // Whoever had it has said nothing.
    if (this.#work !== undefined) this.lost(this.#work, new Error('a write has come to no end'))
    this.#claimedAt = undefined
    this.#writtenAt = now
    // Some are on disk already, with their session.
    const entries = this.#waiting.filter((entry) => this.#isKept(entry))
    this.#waiting = []
    const settled = this.#settled.splice(0)
    if (entries.length === 0 && settled.length === 0) return undefined
    this.#work = { batch: entries.length === 0 ? undefined : this.#batchOf(entries), settled }
    return this.#work
  }

  written(work: JournalWrite): void {
    const { batch } = work
    if (this.#work === work) this.#work = undefined
    for (const entry of (batch?.entries ?? []) as Kept[]) entry.outcome = 'stored'
  }

  /**
   * Nobody knows what of it is on disk: each session writes its own events. Until it has, they go before
   * later ones, or a crash would leave a gap.
   */
  lost(work: JournalWrite, error: unknown): void {
    // Given up already.
    if (this.#work !== work) return
    this.#work = undefined
    const { batch, settled } = work
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
    if (this.#work !== undefined) return this.lost(this.#work, error)
    this.#claimedAt = undefined
    this.#waiting = this.#waiting.filter((entry) => this.#isKept(entry))
    for (const entry of this.#waiting) entry.outcome = { error }
  }

  #batchOf(entries: Kept[]): JournalBatch {
    const id = this.#nextBatch++
    this.#counts.set(id, entries.length)
    for (const entry of entries) entry.batch = id
    return { id, entries }
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
}

/** The journal as a session's log has it. */
export interface LogJournal {
  /** Events that the session's own database may lack, oldest first. */
  rows(): EventRow[]
  /** Resolves when the event is on disk. */
  append(row: EventRow): Promise<void>
  /** The session's own database has its events up to this one, by statements of this turn. */
  settle(through: number): void
}

export interface SessionJournalDeps {
  shared: SharedJournal
  /** Object id of the session. */
  session: string
  /** Its timers ring in the object of the session. */
  clock: Clock
  /** Has what waits written. */
  write(): Promise<void>
  /** Resolves when what the session has written so far is on disk. */
  committed(): Promise<void>
}

/** The journal as one session has it. */
export class SessionJournal implements LogJournal {
  readonly #deps: SessionJournalDeps
  #waiting: { entry: Readonly<Kept>; stored(): void; failed(error: unknown): void }[] = []
  #isLooking = false

  constructor(deps: SessionJournalDeps) {
    this.#deps = deps
  }

  rows(): EventRow[] {
    const { shared, session } = this.#deps
    return shared.rowsOf(session)
  }

  append(row: EventRow): Promise<void> {
    const { shared, session } = this.#deps
    const entry = shared.append(session, row)
    this.#begin()
    this.#lookLater()
    return new Promise((stored, failed) => this.#waiting.push({ entry, stored, failed }))
  }

  settle(through: number): void {
    // When it fails, the runtime ends this object, and the next one finds everything in the journal.
    this.#settle(through).catch(() => {})
  }

  async #settle(through: number): Promise<void> {
    const { shared, session, clock, committed } = this.#deps
    await committed()
    shared.settle(session, through)
    for (const { entry, stored } of this.#waiting) if (entry.row.sequence <= through) stored()
    this.#waiting = this.#waiting.filter(({ entry }) => entry.row.sequence > through)
    clock.after(TRIM_MS, () => shared.hasSettled && this.#begin())
  }

  /** Nothing of the session is to be left in it. Resolves when that is on disk. */
  async forget(): Promise<void> {
    const { shared, session, write } = this.#deps
    shared.settle(session, Number.POSITIVE_INFINITY)
    await write()
  }

  #begin(): void {
    const { shared, clock, write } = this.#deps
    const wait = shared.claim(clock.now())
    if (wait === undefined) return
    const begin = () => void write().catch((error: unknown) => shared.refuse(error))
    if (wait === 0) begin()
    else clock.after(wait, begin)
  }

  #lookLater(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    const { shared, clock } = this.#deps
    clock.after(shared.untilWrite(clock.now()) + LOOK_MS, () => {
      this.#isLooking = false
      this.#look()
    })
  }

  #look(): void {
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ entry }) => entry.outcome === undefined)
    for (const { entry, stored, failed } of waiting) {
      if (entry.outcome === 'stored') stored()
      else if (entry.outcome !== undefined) failed(entry.outcome.error)
    }
    if (this.#waiting.length === 0) return
    // Whoever was about to write may be gone.
    this.#begin()
    this.#lookLater()
  }
}
