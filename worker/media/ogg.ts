/**
 * Length of an Ogg Opus recording: the granule position of its last page counts samples at 48 kHz,
 * the first ones of which are skipped (RFC 7845 §4). `undefined` for anything else.
 */
export const oggDurationMs = (bytes: Uint8Array): number | undefined => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = text.indexOf('OpusHead')
  const last = text.lastIndexOf('OggS')
  if (header < 0 || last < 0 || header + 12 > text.length || last + 14 > text.length)
    return undefined
  const samples = Number(text.readBigInt64LE(last + 6)) - text.readUInt16LE(header + 10)
  return samples > 0 ? Math.round(samples / 48) : undefined
}
