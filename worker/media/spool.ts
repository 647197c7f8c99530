import { GatewayError } from '../../schema/errors.ts'
import type { ByteBudget } from './budget.ts'
import { type Flow, flowOf } from './flow.ts'
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
  const free = await budget.take(PART_BYTES)
  let upload: R2MultipartUpload | undefined
  try {
    const parts = new Parts(flow, maxBytes)
    let part = await parts.next()
    if (await parts.isOver()) {
      free()
      // Held as long as the bytes are.
      return sourceOfBytes(part.slice(), name, await budget.take(part.length))
    }
    const key = `${PREFIX}${crypto.randomUUID()}`
    upload = await bucket.createMultipartUpload(key)
    const uploaded: R2UploadedPart[] = []
    let sizeBytes = 0
    for (; part.length > 0; part = await parts.next()) {
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

/** A flow cut into parts of exactly `PART_BYTES`, the last one aside. All are the same memory. */
class Parts {
  readonly #flow: Flow
  readonly #maxBytes: number
  readonly #part = new Uint8Array(PART_BYTES)
  /** What came and did not fit into the last part; `undefined` at the end. */
  #rest: Uint8Array | undefined = new Uint8Array(0)
  #total = 0

  constructor(flow: Flow, maxBytes: number) {
    this.#flow = flow
    this.#maxBytes = maxBytes
  }

  /** Overwrites the part before; an empty one is the end. */
  async next(): Promise<Uint8Array> {
    let filled = 0
    while (filled < PART_BYTES && !(await this.isOver())) {
      const rest = this.#rest ?? new Uint8Array(0)
      const piece = rest.subarray(0, PART_BYTES - filled)
      this.#part.set(piece, filled)
      filled += piece.length
      this.#rest = rest.subarray(piece.length)
    }
    return this.#part.subarray(0, filled)
  }

  /** Whether nothing comes any more. */
  async isOver(): Promise<boolean> {
    while (this.#rest?.length === 0) {
      this.#rest = await this.#flow.pull()
      this.#total += this.#rest?.length ?? 0
      if (this.#total > this.#maxBytes) {
        throw new GatewayError('BODY_TOO_LARGE', `The file is larger than ${this.#maxBytes} bytes`)
      }
    }
    return this.#rest === undefined
  }
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
