/** How far a stream may be ahead of its client: what the client does not read is kept for it. */
export const WINDOW_EVENTS = 1_000
export const WINDOW_BYTES = 1024 * 1024

interface Amount {
  events: number
  bytes: number
}

/**
 * What was sent and not acknowledged, in two parts, so that no list of it is needed: an
 * acknowledgement counts when it reaches the end of a part. Plain data; counts never too little.
 */
export interface SendWindow {
  /** Whether the client has ever said how far it is. */
  hasAcked: boolean
  older: Amount
  /** Last event of the older part. */
  olderThrough: number
  newer: Amount
}

const none: Amount = { events: 0, bytes: 0 }

export const emptyWindow = (): SendWindow => ({
  hasAcked: false,
  older: none,
  olderThrough: 0,
  newer: none,
})

/** Whether there is no room for an event of that size. One event always has room alone. */
export const isFull = ({ older, newer }: SendWindow, bytes: number): boolean => {
  const events = older.events + newer.events
  const isTooLarge = older.bytes + newer.bytes + bytes > WINDOW_BYTES
  return events >= WINDOW_EVENTS || (events > 0 && isTooLarge)
}

/** Takes an event into account that is sent now. */
export const noteSent = (window: SendWindow, sequence: number, bytes: number): void => {
  const { newer } = window
  window.newer = { events: newer.events + 1, bytes: newer.bytes + bytes }
  shift(window, sequence)
}

/** @param lastSent sequence of the last event that was sent */
export const noteAcked = (window: SendWindow, sequence: number, lastSent: number): void => {
  window.hasAcked = true
  if (sequence >= window.olderThrough) window.older = none
  if (sequence >= lastSent) window.newer = none
  shift(window, lastSent)
}

/** Half a window of newer events become the older part, when that is free. */
const shift = (window: SendWindow, lastSent: number): void => {
  const { older, newer } = window
  const isHalf = newer.events >= WINDOW_EVENTS / 2 || newer.bytes >= WINDOW_BYTES / 2
  if (older.events > 0 || !isHalf) return
  window.older = newer
  window.olderThrough = lastSent
  window.newer = none
}
