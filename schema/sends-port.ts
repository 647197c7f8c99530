import type { ErrorData } from './errors.ts'
import type { IdValue } from './ids.ts'
import type { OutgoingMessage } from './session-port.ts'

/**
 * How far a message of ours has got. `scheduled` and `queued` ones have never left; one that is
 * `sending` may have; `processing` ones wait for MAX to have their attachments ready; `unknown` means that it may have arrived, and that repeating it was no longer
 * safe. MAX tells when a message was read, but not when it reached a device.
 */
export const sendStates = [
  'scheduled',
  'queued',
  'sending',
  'processing',
  'sent',
  'read',
  'failed',
  'unknown',
  'canceled',
] as const
export type SendState = (typeof sendStates)[number]

/** A message of ours as users see it. Times are ISO 8601. */
export interface SendStatus {
  /** Ours: `msg_…`. */
  id: string
  status: SendState
  chatId?: IdValue
  /** MAX's id, once it is sent. */
  messageId?: string
  createdAt: string
  updatedAt: string
  /** When a scheduled message is to leave. */
  sendAt?: string
  /** While it has not left: when it is given up. */
  expiresAt?: string
  /** MAX's own time of the message. */
  sentAt?: string
  /** When we learned that somebody else had read it. */
  readAt?: string
  error?: Pick<ErrorData, 'code' | 'message' | 'maxError'>
}

/** A message that waits for its time, with what it will say. */
export interface ScheduledSend extends SendStatus {
  message: Record<string, unknown>
  notify: boolean
}

export interface Page<Item> {
  items: Item[]
  /** Where the next page begins; absent on the last one. */
  nextCursor?: string
}
export interface PageRequest {
  cursor?: string | undefined
  limit: number
}

/** When a message is to leave, in Unix ms, and until when it may leave late. */
export interface ScheduleTimes {
  sendAt: number
  expiresAt: number
}

/** The messages of this tenant that were sent through the gateway, for a week after their end. */
export interface SendsPort {
  /**
   * By our id, or by MAX's message id.
   * @throws {GatewayError} NOT_FOUND
   */
  find(id: string, chatId?: IdValue): SendStatus
  /** Newest first. */
  list(request: PageRequest & { status?: SendState | undefined }): Page<SendStatus>
  /**
   * Writes a message down that leaves by itself later.
   * @throws {GatewayError} CONFLICT when too many wait already
   */
  schedule(message: OutgoingMessage, options: ScheduleTimes & { cid: number }): ScheduledSend
  /** What is scheduled, the next one first. */
  scheduled(request: PageRequest & { chatId?: IdValue | undefined }): Page<ScheduledSend>
  /**
   * Changes what waits for its time.
   * @throws {GatewayError} NOT_FOUND; CONFLICT when it is no longer waiting
   */
  reschedule(id: string, change: ScheduleChange): ScheduledSend
  /** @throws {GatewayError} NOT_FOUND; CONFLICT when it is no longer waiting */
  cancel(id: string): SendStatus
}

export interface ScheduleChange extends Partial<ScheduleTimes> {
  /** Fields of the message that change. */
  message?: OutgoingMessage['message'] | undefined
  notify?: boolean | undefined
}
