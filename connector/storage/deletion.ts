import type { ObjectRow } from './object-rows.ts'
import type { ObjectStore } from './object-store.ts'
import { OWN_BUCKET } from './tenant-storage.ts'

const FIRST_DELAY_MS = 60_000
const LONGEST_DELAY_MS = 6 * 3_600_000
/** Objects of an S3 in one go: each is a request of its own. */
const S3_OBJECTS = 40
/** Objects of the deployment's bucket in one go. */
export const BUCKET_OBJECTS = 1_000

/** Milliseconds until a store that failed so often in a row is asked again. */
export const deletionDelay = (failures: number): number =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 20))

export interface Deleted {
  gone: ObjectRow[]
  /** Where it ended early: the store's refusal, and what was to be deleted. */
  failure?: { rows: ObjectRow[]; error: unknown }
}

/**
 * Deletes as many objects of one store as one go may, in bounded time. Those that were not there
 * count as deleted, so that it can be done again after a crash.
 */
export const deleteSome = async (
  name: string,
  store: Pick<ObjectStore, 'delete'>,
  rows: readonly ObjectRow[],
): Promise<Deleted> => {
  const isBucket = name === OWN_BUCKET
  const some = rows.slice(0, isBucket ? BUCKET_OBJECTS : S3_OBJECTS)
  const atOnce = isBucket ? BUCKET_OBJECTS : 1
  const gone: ObjectRow[] = []
  for (let at = 0; at < some.length; at += atOnce) {
    const part = some.slice(at, at + atOnce)
    try {
      await store.delete(part.map(({ key }) => key))
    } catch (error) {
      return { gone, failure: { rows: part, error } }
    }
    gone.push(...part)
  }
  return { gone }
}

/** For logs: the store's own code, never its URL or keys. */
export const reasonOf = (error: unknown): string =>
  (error as { code?: string }).code ?? (error as Error).name
