declare module 'lz4js' {
  /** Decompresses a raw block; returns the number of bytes written. */
  export function decompressBlock(
    source: Uint8Array,
    target: Uint8Array,
    sourceIndex: number,
    sourceLength: number,
    targetIndex: number,
  ): number
}
