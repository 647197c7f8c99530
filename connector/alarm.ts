import type { SessionState } from '../schema/session-port.ts'

/** A session object stays in memory only while something calls it at least this often (cloudflare.md). */
export const KEEPALIVE_MS = 25_000

export interface AlarmFacts {
  state: SessionState['name']
  /** When the present wait for a reconnect ends. */
  retryAt: number | undefined
  /** When a delivery becomes due. */
  deliveryAt: number | undefined
  /** When an outage has lasted so long that it must be told of. */
  outageAt: number | undefined
  /** When a scheduled message is due, or one that waits has to be given up. */
  sendsAt: number | undefined
  /** When stored media have to go. */
  mediaAt: number | undefined
  /** When a received file is to be fetched. */
  incomingAt: number | undefined
}

/** States with an open socket or one being opened: the object must not be evicted under it. */
const live: ReadonlySet<SessionState['name']> = new Set([
  'awaiting_code',
  'awaiting_password',
  'awaiting_qr',
  'registering',
  'connecting',
  'online',
])

/**
 * When the object's one alarm must ring next, or `undefined` for never. The only place that decides
 * it, because this is where a session can be lost.
 */
export const nextAlarm = (facts: AlarmFacts, now: number): number | undefined => {
  const due: number[] = []
  if (live.has(facts.state)) due.push(now + KEEPALIVE_MS)
  if (facts.retryAt !== undefined) due.push(facts.retryAt)
  if (facts.deliveryAt !== undefined) due.push(facts.deliveryAt)
  if (facts.outageAt !== undefined) due.push(facts.outageAt)
  if (facts.sendsAt !== undefined) due.push(facts.sendsAt)
  if (facts.mediaAt !== undefined) due.push(facts.mediaAt)
  if (facts.incomingAt !== undefined) due.push(facts.incomingAt)
  if (due.length === 0) return undefined
  return Math.max(now, Math.min(...due))
}
