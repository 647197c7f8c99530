/** The part of an R2 bucket that the product uses, in memory. */
export class MemoryBucket {
  readonly objects = new Map<string, { bytes: Uint8Array; uploaded: Date }>()
  /** Multipart uploads that were neither completed nor aborted. */
  openUploads = 0

  async get(key: string) {
    const object = this.objects.get(key)
    if (object === undefined) return null
    const { bytes } = object
    return { key, size: bytes.length, body: new Blob([bytes.slice()]).stream() }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.objects.set(key, { bytes, uploaded: new Date() })
  }

  async delete(keys: string | string[]): Promise<void> {
    for (const key of [keys].flat()) this.objects.delete(key)
  }

  async list({ prefix }: { prefix: string }) {
    const objects = [...this.objects]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { uploaded }]) => ({ key, uploaded }))
    return { objects }
  }

  async createMultipartUpload(key: string) {
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
        await this.put(key, new Uint8Array(Buffer.concat(parts)))
      },
      abort: async () => {
        this.openUploads -= 1
      },
    }
  }
}
