import { createHash } from 'node:crypto'

/** Content of a kind that passes for it by its first bytes, and is different for each seed. */
export type ContentKind = 'png' | 'jpeg' | 'mp4' | 'ogg' | 'pdf' | 'bytes'

const heads: Record<ContentKind, Uint8Array> = {
  // IHDR says 800 by 600.
  png: Uint8Array.from([
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 3,
    0x20, 0, 0, 2, 0x58, 8, 6, 0, 0, 0,
  ]),
  jpeg: Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0]),
  mp4: Uint8Array.from([
    0, 0, 0, 24, 0x66, 0x74, 0x79, 0x70, 0x69, 0x73, 0x6f, 0x6d, 0, 0, 2, 0, 0x69, 0x73, 0x6f, 0x6d,
    0x6d, 0x70, 0x34, 0x31,
  ]),
  ogg: Uint8Array.from([0x4f, 0x67, 0x67, 0x53, 0, 2]),
  pdf: new TextEncoder().encode('%PDF-1.7\n'),
  bytes: new Uint8Array(0),
}

const MiB = 1024 * 1024

/** A block of noise, made once: sizes beyond it repeat the block with another first byte. */
const noise = (() => {
  const block = new Uint8Array(MiB)
  let state = 1
  for (let at = 0; at < block.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    block[at] = state >>> 24
  }
  return block
})()

/** The content in pieces of at most a MiB, so that hundreds of them never lie in memory. */
export function* pieces(kind: ContentKind, sizeBytes: number, seed = 0): Generator<Uint8Array> {
  const head = heads[kind].subarray(0, sizeBytes)
  let left = sizeBytes - head.length
  if (head.length > 0) yield head
  for (let n = 0; left > 0; n += 1) {
    const piece = noise.slice(0, Math.min(MiB, left))
    piece[0] = (n + seed) % 256
    left -= piece.length
    yield piece
  }
}

export const content = (kind: ContentKind, sizeBytes: number, seed = 0): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat([...pieces(kind, sizeBytes, seed)]))

/** Hex SHA-256 of the whole. */
export const hashOf = async (
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

export const streamOf = (chunks: Iterable<Uint8Array>): ReadableStream<Uint8Array> => {
  const iterator = chunks[Symbol.iterator]()
  return new ReadableStream({
    pull: (controller) => {
      const { value, done } = iterator.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}
