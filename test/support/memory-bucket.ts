interface Stored {
  bytes: Uint8Array
  uploaded: Date
  httpMetadata: R2HTTPMetadata
}
type Body = Uint8Array | ReadableStream<Uint8Array>
interface Options {
  httpMetadata?: R2HTTPMetadata
}

/** The part of an R2 bucket that the product uses, in memory. */
export class MemoryBucket {
  readonly objects = new Map<string, Stored>()
  /** Multipart uploads that were neither completed nor aborted. */
  openUploads = 0
  /** Thrown by whatever is asked, as when R2 does not answer. */
  failure: Error | undefined

  /** As what the product calls it. */
  get r2(): R2Bucket {
    return this as unknown as R2Bucket
  }

  async get(key: string, { range }: { range?: { offset: number; length?: number } } = {}) {
    const facts = await this.head(key)
    if (facts === null) return null
    const { bytes } = this.objects.get(key) as Stored
    const end = range?.length === undefined ? undefined : range.offset + range.length
    const part = bytes.slice(range?.offset ?? 0, end)
    return { ...facts, body: new Blob([part]).stream() }
  }

  async head(key: string) {
    if (this.failure) throw this.failure
    const object = this.objects.get(key)
    if (object === undefined) return null
    const { bytes, ...facts } = object
    return { key, size: bytes.length, ...facts }
  }

  async put(key: string, body: Body, { httpMetadata = {} }: Options = {}): Promise<void> {
    if (this.failure) throw this.failure
    const bytes =
      body instanceof Uint8Array
        ? body.slice()
        : new Uint8Array(await new Response(body as BodyInit).arrayBuffer())
    this.objects.set(key, { bytes, uploaded: new Date(), httpMetadata })
  }

  async delete(keys: string | string[]): Promise<void> {
    if (this.failure) throw this.failure
    for (const key of [keys].flat()) this.objects.delete(key)
  }

  /** Its cursor is the last key of the page before. */
  async list({ prefix, limit = 1000, cursor = '' }: R2ListOptions) {
    if (this.failure) throw this.failure
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix ?? '') && key > cursor)
      .sort()
    const objects = await Promise.all(
      keys.slice(0, limit).map(async (key) => (await this.head(key)) as { key: string }),
    )
    const truncated = keys.length > limit
    return { objects, truncated, ...(truncated && { cursor: objects.at(-1)?.key }) }
  }

  async createMultipartUpload(key: string, options?: Options) {
    if (this.failure) throw this.failure
    const parts: Uint8Array[] = []
    this.openUploads += 1
    return {
      uploadPart: async (partNumber: number, bytes: Uint8Array) => {
        parts[partNumber - 1] = bytes.slice()
        return { partNumber }
      },
      complete: async () => {
        this.openUploads -= 1
        const sizes = parts.slice(0, -1).map(({ length }) => length)
        if (new Set(sizes).size > 1) throw new Error('parts of different sizes')
        await this.put(key, new Uint8Array(Buffer.concat(parts)), options)
      },
      abort: async () => {
        this.openUploads -= 1
      },
    }
  }
}
