import { GatewayError } from '../../schema/errors.ts'
import type { ByteBudget } from './budget.ts'
import { concat, type Flow, flowOf } from './flow.ts'
import { type Source, sourceOfBytes } from './source.ts'

/** Content of this size stays in memory; R2 takes parts of no less than this, all but the last. */
export const PART_BYTES = 5 * 1024 * 1024
const PREFIX = 'spool/'
const KEPT_MS = 24 * 3_600_000

export interface SpoolDeps {
  bucket: R2Bucket
  budget: ByteBudget
}

/**
 * Puts content aside until its size is known: in memory while it is small, in the R2 bucket beyond
 * that. What comes back can be read again and again until it is released.
 * @throws {GatewayError} BODY_TOO_LARGE past `maxBytes`, OVERLOADED, and what the flow ends with
 */
export const spool = async (
  { bucket, budget }: SpoolDeps,
  flow: Flow,
  { name, maxBytes }: { name: string | undefined; maxBytes: number },
): Promise<Source> => {
  // Two parts wait while a third one is put together.
  const free = await budget.take(3 * PART_BYTES)
  let upload: R2MultipartUpload | undefined
  try {
    const parts = partsOf(flow, maxBytes)
    const first = await parts.next()
    const second = await parts.next()
    const head = first.value ?? new Uint8Array(0)
    if (second.done) {
      free()
      // Held as long as the bytes are.
      return sourceOfBytes(head, name, await budget.take(head.length))
    }
    const key = `${PREFIX}${crypto.randomUUID()}`
    upload = await bucket.createMultipartUpload(key)
    const uploaded = [await upload.uploadPart(1, head), await upload.uploadPart(2, second.value)]
    let sizeBytes = head.length + second.value.length
    for await (const part of parts) {
      uploaded.push(await upload.uploadPart(uploaded.length + 1, part))
      sizeBytes += part.length
    }
    await upload.complete(uploaded)
    free()
    return sourceOfObject(bucket, key, { sizeBytes, name })
  } catch (error) {
    free()
    await flow.cancel()
    await upload?.abort().catch(() => {})
    throw error
  }
}

/** Parts of exactly `PART_BYTES`, and a last one that may be shorter. */
async function* partsOf(flow: Flow, maxBytes: number): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = []
  let size = 0
  let total = 0
  for (;;) {
    const piece = await flow.pull()
    if (piece === undefined) break
    total += piece.length
    if (total > maxBytes) {
      throw new GatewayError('BODY_TOO_LARGE', `The file is larger than ${maxBytes} bytes`)
    }
    for (let at = 0; at < piece.length; ) {
      const rest = piece.subarray(at, at + PART_BYTES - size)
      pieces.push(rest)
      size += rest.length
      at += rest.length
      if (size < PART_BYTES) continue
      yield concat(pieces)
      pieces = []
      size = 0
    }
  }
  if (size > 0) yield concat(pieces)
}

const sourceOfObject = (
  bucket: R2Bucket,
  key: string,
  facts: { sizeBytes: number; name: string | undefined },
): Source => ({
  again: true,
  open: async () => {
    const object = await bucket.get(key)
    if (object === null) throw new GatewayError('INTERNAL_ERROR')
    return { flow: flowOf(object.body), ...facts }
  },
  release: () => bucket.delete(key).catch(() => {}),
})

/** Deletes what a crash left behind. */
export const sweepSpool = async (bucket: R2Bucket, now: number): Promise<void> => {
  const { objects } = await bucket.list({ prefix: PREFIX, limit: 500 })
  const old = objects.filter(({ uploaded }) => now - uploaded.getTime() > KEPT_MS)
  if (old.length > 0) await bucket.delete(old.map(({ key }) => key))
}
