import { type ErrorData, GatewayError } from '../schema/errors.ts'
import type { OutgoingMessage } from '../schema/session-port.ts'
import { Int64, type WireMap, wireId } from '../schema/wire.ts'
import type { SendRow } from './send-store.ts'
import { payloadToText } from './wire-text.ts'

/** The key of this refusal has changed once and differs by kind; its end does not (§4.3). */
export const isNotReady = ({ data: { maxError } }: GatewayError): boolean =>
  [maxError?.code, maxError?.message].some((text) => /\.not\.(ready|processed)$/.test(text ?? ''))

/**
 * How long after its first attempt a send may be repeated. MAX deduplicates by `cid`, but for how long
 * is not known (operations-and-events.md §10.1); later a repeat could become a second message.
 */
const REPEAT_WINDOW_MS = 10 * 60_000

/** Until when a message may still leave, or be repeated. */
export const deadline = ({ attemptedAt, expiresAt }: SendRow): number =>
  attemptedAt === null ? expiresAt : attemptedAt + REPEAT_WINDOW_MS

/** MSG_SEND without its `cid`. */
export const payloadOf = ({ chatId, message, notify }: OutgoingMessage): WireMap => ({
  chatId: wireId(chatId),
  message,
  notify,
})

/** What is known of a message before anything was decided about it. */
export const newRow = (cid: number, payload: WireMap, now: number) => ({
  cid,
  createdAt: now,
  updatedAt: now,
  request: payloadToText(payload),
  chatId: payload.chatId instanceof Int64 ? payload.chatId.value.toString() : null,
  messageId: null,
  messageTime: null,
  sendAt: null,
  readAt: null,
  error: null,
})

export const fromData = ({ code, message, ...rest }: ErrorData): GatewayError =>
  new GatewayError(code, message, rest)
