import { GatewayError } from '../../schema/errors.ts'

/** Bytes in order, a piece at a time: the one shape in which content passes through here. */
export interface Flow {
  /** The next piece; `undefined` at the end. Rejects with a `GatewayError` that fits the caller. */
  pull(): Promise<Uint8Array | undefined>
  /** Nobody wants the rest. Never rejects. */
  cancel(): Promise<void>
}

const PIECE_BYTES = 64 * 1024
/** A sender that is silent for so long has gone. */
const STALL_MS = 30_000

/**
 * A stream as a flow.
 * @param fault what to say when the stream breaks off or stalls
 */
export const flowOf = (
  stream: ReadableStream<Uint8Array>,
  fault: (why: string, cause?: unknown) => GatewayError = sourceFault,
): Flow => {
  const read = readerOf(stream)
  return {
    pull: async () => {
      let timer: ReturnType<typeof setTimeout> | undefined
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(fault(`no data for ${STALL_MS / 1000} s`)), STALL_MS)
      })
      try {
        return await Promise.race([read.next(), stalled])
      } catch (error) {
        await read.cancel()
        throw error instanceof GatewayError ? error : fault('the data broke off', error)
      } finally {
        clearTimeout(timer)
      }
    },
    cancel: read.cancel,
  }
}

export const sourceFault = (why: string, cause?: unknown): GatewayError =>
  new GatewayError('SOURCE_FAILED', `The file could not be read: ${why}`, { cause })

/** Native streams give larger pieces when they are asked for them. */
const readerOf = (stream: ReadableStream<Uint8Array>) => {
  const quiet = (work: Promise<unknown>): Promise<void> =>
    work.then(
      () => {},
      () => {},
    )
  try {
    const reader = stream.getReader({ mode: 'byob' })
    return {
      next: async () => {
        // The last answer has a value too: an empty one.
        const { done, value } = await reader.read(new Uint8Array(PIECE_BYTES))
        return done ? undefined : value
      },
      cancel: () => quiet(reader.cancel()),
    }
  } catch {
    const reader = stream.getReader()
    return { next: async () => (await reader.read()).value, cancel: () => quiet(reader.cancel()) }
  }
}

export const flowOfBytes = (bytes: Uint8Array): Flow => {
  let at = 0
  return {
    pull: async () => {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      at += piece.length
      return piece.length === 0 ? undefined : piece
    },
    cancel: async () => {},
  }
}

/** The first bytes, and a flow that still has all of them. */
export const peek = async (
  flow: Flow,
  length: number,
): Promise<{ head: Uint8Array; whole: Flow }> => {
  const pieces: Uint8Array[] = []
  let size = 0
  while (size < length) {
    const piece = await flow.pull()
    if (piece === undefined) break
    pieces.push(piece)
    size += piece.length
  }
  const head = concat(pieces).subarray(0, length)
  return {
    head,
    whole: { pull: async () => pieces.shift() ?? flow.pull(), cancel: flow.cancel },
  }
}

export const concat = (pieces: readonly Uint8Array[]): Uint8Array => {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) return only
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/** A stream of exactly `length` bytes. Under workerd such a stream makes a Content-Length. */
export const fixedLength = (length: number): TransformStream<Uint8Array, Uint8Array> => {
  const Fixed = (globalThis as { FixedLengthStream?: new (length: number) => TransformStream })
    .FixedLengthStream
  return Fixed === undefined ? new TransformStream() : new Fixed(length)
}

/**
 * Writes everything to a sink, and the end after it. Rejects with the flow's own error, or with the
 * sink's; either way both are closed.
 * @throws {GatewayError} of `shortBy` when not exactly `length` bytes come
 */
export const pour = async (
  flow: Flow,
  sink: WritableStream<Uint8Array>,
  length: number,
  shortBy: (got: number) => GatewayError,
): Promise<void> => {
  const writer = sink.getWriter()
  // A sink that breaks is noticed at the next write.
  writer.closed.catch(() => {})
  let size = 0
  try {
    for (;;) {
      const piece = await flow.pull()
      if (piece === undefined) break
      size += piece.length
      if (size > length) throw shortBy(size)
      await writer.write(piece)
    }
    if (size < length) throw shortBy(size)
    await writer.close()
  } catch (error) {
    await flow.cancel()
    await writer.abort(error).catch(() => {})
    throw error
  }
}
