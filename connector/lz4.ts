import { FrameError } from './frame-error.ts'

/**
 * LZ4 blocks (no frame header, no size prefix), as MAX puts them into frame bodies
 * (wire-and-auth.md §4.5). Written here because the libraries that exist are native, or stop at the
 * frame format, or do not bound their output.
 */

const MIN_MATCH = 4
/** The format's end rules: the last 5 bytes are literals, no match starts in the last 12. */
const LAST_LITERALS = 5
const MATCH_MARGIN = 12
const MAX_OFFSET = 65_535
const HASH_BITS = 12

/**
 * Decompresses one block into at most `maxBytes`.
 * @throws {FrameError} `compression` for anything that is no LZ4 block or that would be larger.
 */
export const lz4Decompress = (source: Uint8Array, maxBytes: number): Uint8Array => {
  const out = new Uint8Array(maxBytes)
  let from = 0
  let to = 0
  const length = (start: number): number => {
    let total = start
    if (start !== 15) return total
    for (;;) {
      const byte = source[from]
      if (byte === undefined) throw new FrameError('compression', 'LZ4 block ends in a length')
      from += 1
      total += byte
      if (byte !== 255) return total
    }
  }
  while (from < source.length) {
    const token = source[from] as number
    from += 1
    const literals = length(token >> 4)
    if (from + literals > source.length) {
      throw new FrameError('compression', 'LZ4 block ends in its literals')
    }
    if (to + literals > maxBytes) throw new FrameError('compression', 'LZ4 block is too large')
    out.set(source.subarray(from, from + literals), to)
    from += literals
    to += literals
    if (from === source.length) return out.subarray(0, to)

    const low = source[from]
    const high = source[from + 1]
    if (low === undefined || high === undefined) {
      throw new FrameError('compression', 'LZ4 block ends in an offset')
    }
    from += 2
    const offset = low | (high << 8)
    if (offset === 0 || offset > to) {
      throw new FrameError('compression', 'LZ4 match points outside the output')
    }
    const match = length(token & 15) + MIN_MATCH
    if (to + match > maxBytes) throw new FrameError('compression', 'LZ4 block is too large')
    if (offset >= match) {
      out.copyWithin(to, to - offset, to - offset + match)
      to += match
    } else {
      // The match overlaps what it writes, so it must go byte by byte.
      for (const end = to + match; to < end; to += 1) out[to] = out[to - offset] as number
    }
  }
  throw new FrameError('compression', 'LZ4 block does not end with literals')
}

const table = new Int32Array(1 << HASH_BITS)

/**
 * Compresses one block: greedy matching over a small hash table, the format's fast form.
 * @returns the block, or `undefined` when it would not be smaller than the source.
 */
export const lz4Compress = (source: Uint8Array): Uint8Array | undefined => {
  const size = source.length
  // Only a block below `size` is of use, so its length bounds every write.
  const out = new Uint8Array(size)
  const matchLimit = size - MATCH_MARGIN
  let anchor = 0
  let at = 0
  let to = 0
  table.fill(-1)

  const writeLength = (value: number): void => {
    let rest = value - 15
    for (; rest >= 255; rest -= 255) out[to++] = 255
    out[to++] = rest
  }
  /** Writes literals up to `at` and, if there is one, a match; false when the room is used up. */
  const emit = (matchLength: number, offset: number): boolean => {
    const literals = at - anchor
    const worst = 1 + literals + literals / 255 + 1 + 2 + matchLength / 255 + 1
    if (to + worst >= size) return false
    const extra = matchLength - MIN_MATCH
    const tokenAt = to++
    out[tokenAt] = (Math.min(literals, 15) << 4) | (matchLength === 0 ? 0 : Math.min(extra, 15))
    if (literals >= 15) writeLength(literals)
    out.set(source.subarray(anchor, at), to)
    to += literals
    if (matchLength === 0) return true
    out[to++] = offset & 255
    out[to++] = offset >> 8
    if (extra >= 15) writeLength(extra)
    return true
  }

  while (at < matchLimit) {
    const word = read32(source, at)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const candidate = table[slot] as number
    table[slot] = at
    if (candidate < 0 || at - candidate > MAX_OFFSET || read32(source, candidate) !== word) {
      at += 1
      continue
    }
    let end = at + MIN_MATCH
    for (let other = candidate + MIN_MATCH; end < size - LAST_LITERALS; end += 1, other += 1) {
      if (source[end] !== source[other]) break
    }
    if (!emit(end - at, at - candidate)) return undefined
    at = end
    anchor = end
  }
  at = size
  return emit(0, 0) ? out.subarray(0, to) : undefined
}

const read32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24)
