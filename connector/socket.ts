/**
 * One open connection to MAX as the session sees it: whole frames in and out.
 * Contract: after `onDown` fires, which it does exactly once, nothing else fires; `close` is
 * idempotent and leads to `onDown`; `send` after that is ignored.
 */
export interface MaxSocket {
  send(data: Uint8Array | string): void
  close(reason: string): void
  /** Called for each received frame's bytes or text, in order. Assigned before `start`. */
  onFrame: (data: Uint8Array | string) => void
  /** Called once when the connection is gone, for whatever reason. */
  onDown: (reason: string) => void
}

/** Opens a socket or rejects; nothing stays open after a rejection. */
export type Dial = (signal: AbortSignal) => Promise<MaxSocket>
