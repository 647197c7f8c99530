import type { Clock } from '../../connector/clock.ts'
import {
  type JournalBatch,
  type JournalWrite,
  type SessionJournal,
  SharedJournal,
} from '../../connector/journal.ts'

/** How a write goes: as it should, refused by the disk, or refused after it was on disk. */
export type WriteOutcome = 'written' | 'refused' | 'unsure'

/** A journal's disk, which outlives the processes that write it. */
export const createJournalDisk = (clock: Clock) => {
  const batches = new Map<number, string>()
  let writes = 0

  const write = ({ batch, settled }: JournalWrite): void => {
    writes += 1
    if (batch !== undefined) batches.set(batch.id, JSON.stringify(batch))
    for (const id of settled) batches.delete(id)
  }

  /** The journal of a new process: it knows what is on disk and nothing else. */
  const start = () => {
    const shared = new SharedJournal()
    shared.load([...batches.values()].map((text) => JSON.parse(text) as JournalBatch))
    let isOver = false
    const process = {
      outcome: 'written' as WriteOutcome,
      shared,
      /** What a SIGKILL does. */
      kill: () => {
        isOver = true
      },
      session: (id: string): SessionJournal => ({
        rows: () => shared.rowsOf(id),
        append: (row) => shared.append(id, row, clock, begin),
        settle: async (through) => {
          if (!isOver) shared.settle(id, through, clock, begin)
        },
      }),
    }
    const begin = (): void => {
      clock.after(1, () => {
        if (isOver) return
        const work = shared.take(clock.now())
        if (work === undefined) return
        if (process.outcome !== 'refused') write(work)
        if (process.outcome === 'written') shared.written(work)
        else shared.lost(work, new Error('the disk is full'))
      })
    }
    return process
  }

  return {
    start,
    /** Commits so far. */
    writes: () => writes,
    /** Batches on disk. */
    size: () => batches.size,
  }
}
