/**
 * Where a host keeps uploaded bytes. They are never held whole by the simulator: they come and go in
 * pieces.
 */
export interface Blobs {
  /** Largest single content that this host keeps; a larger upload is refused. */
  readonly maxBytes: number
  /** Begins a content anew; what is not committed is nowhere. */
  write(id: string): Promise<BlobWriter>
  /** `length` bytes from `start`; `undefined` when there is no such content. */
  read(id: string, start: number, length: number): ReadableStream<Uint8Array> | undefined
}

export interface BlobWriter {
  write(chunk: Uint8Array): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

/** For tests in one process. */
export class MemoryBlobs implements Blobs {
  readonly maxBytes = 64 * 1024 * 1024
  readonly #contents = new Map<string, Uint8Array>()

  async write(id: string): Promise<BlobWriter> {
    const chunks: Uint8Array[] = []
    return {
      write: async (chunk) => void chunks.push(chunk.slice()),
      commit: async () => {
        const content = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
        let at = 0
        for (const chunk of chunks) {
          content.set(chunk, at)
          at += chunk.length
        }
        this.#contents.set(id, content)
      },
      abort: async () => {},
    }
  }

  read(id: string, start: number, length: number): ReadableStream<Uint8Array> | undefined {
    const content = this.#contents.get(id)
    if (content === undefined) return undefined
    const piece = content.slice(start, start + length)
    return new ReadableStream({
      start: (controller) => {
        if (piece.length > 0) controller.enqueue(piece)
        controller.close()
      },
    })
  }
}
