import { narrow, publicValue } from '../schema/ids.ts'
import type { ScheduledSend, SendStatus } from '../schema/sends-port.ts'
import { sendId } from './cid.ts'
import type { SendRow } from './send-store.ts'
import { payloadFromText } from './wire-text.ts'

/** A message of ours as users see it. */
export const publicSend = (row: SendRow): SendStatus => ({
  id: sendId(row.cid),
  status: row.state,
  ...(row.chatId === null ? {} : { chatId: narrow(BigInt(row.chatId)) }),
  ...(row.messageId === null ? {} : { messageId: row.messageId }),
  createdAt: iso(row.createdAt),
  updatedAt: iso(row.updatedAt),
  ...(row.sendAt === null ? {} : { sendAt: iso(row.sendAt) }),
  ...(row.state === 'scheduled' || row.state === 'queued' ? { expiresAt: iso(row.expiresAt) } : {}),
  ...(row.messageTime === null ? {} : { sentAt: iso(row.messageTime) }),
  ...(row.readAt === null ? {} : { readAt: iso(row.readAt) }),
  ...(row.error === null ? {} : { error: publicError(row.error) }),
})

/** The same with what the message says. */
export const publicScheduled = (row: SendRow): ScheduledSend => {
  const { message, notify } = payloadFromText(row.request)
  return {
    ...publicSend(row),
    message: publicValue(message, true) as Record<string, unknown>,
    notify: notify !== false,
  }
}

const publicError = ({
  code,
  message,
  maxError,
}: NonNullable<SendRow['error']>): NonNullable<SendStatus['error']> => ({
  code,
  message,
  ...(maxError === undefined ? {} : { maxError }),
})

const iso = (ms: number): string => new Date(ms).toISOString()
