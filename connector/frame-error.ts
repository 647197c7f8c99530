export type FrameErrorCode =
  | 'truncated'
  | 'malformed'
  | 'too_large'
  | 'compression'
  | 'version'
  | 'float'

/** The one error that unreadable frames lead to, whatever their bytes. */
export class FrameError extends Error {
  readonly code: FrameErrorCode
  /** Set when the header could be read, so that a server can answer. */
  header?: { seq: number; opcode: number }

  constructor(code: FrameErrorCode, message: string) {
    super(message)
    this.name = 'FrameError'
    this.code = code
  }
}
