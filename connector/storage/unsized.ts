import type { ObjectStore, PutFacts } from './object-store.ts'

/** R2 takes parts of no less than this, all of one size but the last. */
const PART_BYTES = 5 * 1024 * 1024
/** What lies there for a day is swept away. */
const SPOOL = 'spool/'

export interface Unsized {
  key: string
  body: ReadableStream<Uint8Array>
  facts: Pick<PutFacts, 'contentType' | 'fileName'>
}

/**
 * Stores a stream of which nobody knows the length, which neither S3 nor R2 take: in memory while it
 * is small, and by way of the deployment's bucket beyond that. Holds 5 MiB at most.
 * @returns how many bytes there were
 * @throws {StorageError}, or what the stream ends with
 */
export const putUnsized = async (
  store: ObjectStore,
  bucket: R2Bucket,
  { key, body, facts }: Unsized,
): Promise<number> => {
  const parts = partsOf(body)
  const first = (await parts.next()).value
  if (first === undefined || first.isLast) {
    const bytes = first?.bytes ?? new Uint8Array(0)
    await store.put(key, bytes, facts)
    return bytes.length
  }
  const spooled = `${SPOOL}${crypto.randomUUID()}`
  const upload = await bucket.createMultipartUpload(spooled)
  try {
    const uploaded = [await upload.uploadPart(1, first.bytes)]
    let size = first.bytes.length
    for await (const { bytes } of parts) {
      uploaded.push(await upload.uploadPart(uploaded.length + 1, bytes))
      size += bytes.length
    }
    await upload.complete(uploaded)
    const whole = await bucket.get(spooled)
    if (whole === null) throw new Error('what was put aside is gone')
    await store.put(key, whole.body, { ...facts, size })
    return size
  } catch (error) {
    await parts.return(undefined)
    await upload.abort().catch(() => {})
    throw error
  } finally {
    await bucket.delete(spooled).catch(() => {})
  }
}

/** Parts of exactly `PART_BYTES`, the last one aside. All are the same memory. */
async function* partsOf(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ bytes: Uint8Array; isLast: boolean }, undefined> {
  const part = new Uint8Array(PART_BYTES)
  let filled = 0
  for await (const piece of body) {
    for (let at = 0; at < piece.length; ) {
      if (filled === PART_BYTES) {
        yield { bytes: part, isLast: false }
        filled = 0
      }
      const next = piece.subarray(at, at + PART_BYTES - filled)
      part.set(next, filled)
      filled += next.length
      at += next.length
    }
  }
  yield { bytes: part.subarray(0, filled), isLast: true }
}
