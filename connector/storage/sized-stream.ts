/**
 * A passage for exactly `size` bytes; more or fewer break it. Under workerd whoever reads it sees the
 * length, which is what R2 and Content-Length want.
 */
export const sizedStream = (size: number): TransformStream<Uint8Array, Uint8Array> => {
  if (typeof FixedLengthStream !== 'undefined') {
    return new FixedLengthStream(size) as TransformStream<Uint8Array, Uint8Array>
  }
  let got = 0
  const check = (isOver: boolean): void => {
    if (got > size || (isOver && got < size)) throw new TypeError(`${got} of ${size} bytes came`)
  }
  return new TransformStream({
    transform: (piece, controller) => {
      got += piece.length
      check(false)
      controller.enqueue(piece)
    },
    flush: () => check(true),
  })
}
