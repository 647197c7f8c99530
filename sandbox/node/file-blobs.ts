import { createReadStream, existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Blobs, BlobWriter } from '../media/blobs.ts'

/** Uploaded bytes as files of a folder that belongs to nobody else. */
export class FileBlobs implements Blobs {
  /** MAX's own limit (operations-and-events.md §4.5). */
  readonly maxBytes = 4_294_967_296
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async write(id: string): Promise<BlobWriter> {
    await mkdir(this.#folder, { recursive: true })
    const path = join(this.#folder, id)
    const file = await open(`${path}.part`, 'w')
    return {
      write: (chunk) => file.appendFile(chunk),
      commit: async () => {
        await file.close()
        await rename(`${path}.part`, path)
      },
      abort: async () => {
        await file.close()
        await rm(`${path}.part`, { force: true })
      },
    }
  }

  read(id: string, start: number, length: number): ReadableStream<Uint8Array> | undefined {
    const path = join(this.#folder, id)
    if (!existsSync(path)) return undefined
    const stream =
      length === 0 ? Readable.from([]) : createReadStream(path, { start, end: start + length - 1 })
    // Node's and the DOM's types of one and the same stream differ.
    return Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>
  }
}
