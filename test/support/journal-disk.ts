import type { Clock } from '../../connector/clock.ts'
import {
  type JournalBatch,
  type JournalWrite,
  SessionJournal,
  SharedJournal,
} from '../../connector/journal.ts'

/** How a write goes: as it should, refused by the disk, refused after it was on disk, or cut off with its object. */
export type WriteOutcome = 'written' | 'refused' | 'unsure' | 'cut off'

/** A journal's disk, which outlives the processes that write it. */
export const createJournalDisk = (clock: Clock) => {
  const batches = new Map<number, string>()
  let writes = 0

  const put = ({ batch, settled }: JournalWrite): void => {
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
      session: (id: string): SessionJournal =>
        new SessionJournal({ shared, session: id, clock, write, committed: async () => {} }),
    }
    const write = (): Promise<void> =>
      new Promise((resolve, reject) => {
        clock.after(1, () => {
          if (isOver) return
          const work = shared.take(clock.now())
          const { outcome } = process
          if (outcome === 'cut off') return reject(new Error('the object is gone'))
          if (work !== undefined) {
            if (outcome !== 'refused') put(work)
            if (outcome === 'written') shared.written(work)
            else shared.lost(work, new Error('the disk is full'))
          }
          resolve()
        })
      })
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
