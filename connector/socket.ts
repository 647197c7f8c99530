/**
 * One open transport to MAX. Contract: data arrives in order through `onData`; `onDown` fires exactly
 * once and nothing fires after it; `close` is idempotent and leads to `onDown`; `send` on a dead
 * socket is ignored. Both callbacks are assigned in the turn in which `Dial` resolves, before which
 * nothing may fire.
 */
export interface MaxSocket {
  send(data: Uint8Array<ArrayBuffer> | string): void
  close(reason: string): void
  /** A whole frame on WebSocket, any piece of the stream on TCP. */
  onData: (data: Uint8Array | string) => void
  onDown: (reason: string) => void
}

/** Opens a socket or rejects; nothing stays open after a rejection or an abort. */
export type Dial = (signal: AbortSignal) => Promise<MaxSocket>
