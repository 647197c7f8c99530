import { DurableObject } from 'cloudflare:workers'
import type { Clock } from './clock.ts'
import { type JournalBatch, type JournalEntry, SessionJournal, SharedJournal } from './journal.ts'

/** Bindings of a process that has a journal: a self-hosted gateway only. */
export interface JournalBindings {
  JOURNAL?: DurableObjectNamespace<Journal>
}

const NAME = 'journal'

/** One for all sessions of this process, and for the object that writes it. */
const shared = new SharedJournal()

/**
 * The database of the process's journal. It is of use where sessions share a disk and a thread: there each
 * commit waits for the disk. On Cloudflare every object has a log of its own, and there is no journal.
 */
export class Journal extends DurableObject {
  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never)
    const { sql } = ctx.storage
    sql.exec('CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY, entries TEXT NOT NULL)')
    if (shared.isLoaded) return
    const rows = sql.exec('SELECT id, entries FROM batches ORDER BY id').toArray()
    shared.load(
      rows.map(
        (row): JournalBatch => ({
          id: Number(row.id),
          entries: JSON.parse(String(row.entries)) as JournalEntry[],
        }),
      ),
    )
  }

  /** Resolves when what an earlier process left is known. */
  async open(): Promise<void> {}

  /** Writes what waits; resolves when it is on disk. */
  async write(): Promise<void> {
    const work = shared.take(Date.now())
    if (work === undefined) return
    try {
      const { batch, settled } = work
      const { storage } = this.ctx
      if (batch !== undefined) {
        const entries = batch.entries.map(({ session, row }): JournalEntry => ({ session, row }))
        const text = JSON.stringify(entries)
        storage.sql.exec('INSERT INTO batches (id, entries) VALUES (?, ?)', batch.id, text)
      }
      if (settled.length > 0) {
        const ids = JSON.stringify(settled)
        storage.sql.exec('DELETE FROM batches WHERE id IN (SELECT value FROM json_each(?))', ids)
      }
      await storage.sync()
      shared.written(work)
    } catch (error) {
      shared.lost(work, error)
    }
  }
}

/** The journal of a session; `undefined` where there is none. */
export const journalOf = (
  { JOURNAL }: JournalBindings,
  { id, storage }: Pick<DurableObjectState, 'id' | 'storage'>,
  clock: Clock,
): SessionJournal | undefined =>
  JOURNAL &&
  new SessionJournal({
    shared,
    session: id.toString(),
    clock,
    write: () => JOURNAL.getByName(NAME).write(),
    committed: () => storage.sync(),
  })

/** Resolves when it is known what an earlier process left in the journal. */
export const openJournal = async ({ JOURNAL }: JournalBindings): Promise<void> => {
  if (!shared.isLoaded) await JOURNAL?.getByName(NAME).open()
}
