import { z } from 'zod'
import { Opcode } from './opcodes.ts'
import { asIdString, asMap, type WireMap } from './wire.ts'

/**
 * The table of events: which push becomes which event, and when two pushes are the same event.
 * Names are the original's (rest/contract.md §2.4); an integrator's filters keep working.
 */
interface EventRow {
  summary: string
  /** Push this event is made from. Absent: the gateway makes it itself. */
  opcode?: Opcode
  /** Text that is equal for a repeated push and different for a new event. */
  dedupe?: (payload: WireMap) => string | undefined
}

const messageKey = (payload: WireMap): string | undefined => {
  const message = asMap(payload.message)
  const id = asIdString(message.id)
  if (id === undefined) return undefined
  // An edit is a new event, a repeated edit is not: `updateTime` is set with EDITED only (§2.1).
  return [payload.chatId, id, message.status ?? '', message.updateTime ?? ''].join(':')
}

export const events = {
  Message: { summary: 'A message arrived', opcode: Opcode.NOTIF_MESSAGE, dedupe: messageKey },
  // TLS TCP pushes the request's own opcode (§5.2).
  MessageEdit: { summary: 'A message was edited', opcode: Opcode.MSG_EDIT, dedupe: messageKey },
  MessageDelete: { summary: 'Messages were deleted', opcode: Opcode.NOTIF_MSG_DELETE },
  ReadReceipt: {
    summary: 'Somebody read a chat up to a time',
    // No dedupe: reading, marking unread and reading again are three events with equal payloads.
    opcode: Opcode.NOTIF_MARK,
  },
  Typing: { summary: 'Somebody is typing', opcode: Opcode.NOTIF_TYPING },
  ChatUpdate: { summary: 'A chat changed', opcode: Opcode.NOTIF_CHAT },
  ContactUpdate: { summary: 'A contact changed', opcode: Opcode.NOTIF_CONTACT },
  PresenceUpdate: { summary: 'Somebody came or went', opcode: Opcode.NOTIF_PRESENCE },
  ReactionChange: {
    summary: 'Reactions of a message changed',
    opcode: Opcode.NOTIF_MSG_REACTIONS_CHANGED,
  },
  FileReady: { summary: 'An upload was processed', opcode: Opcode.NOTIF_ATTACH },
  Connected: { summary: 'The session came online' },
  Disconnected: { summary: 'The session went offline' },
  Sync: { summary: 'Account data after a login' },
  HistorySync: { summary: 'History was caught up' },
  Reconnecting: { summary: 'The session is being restored' },
  ReconnectExhausted: { summary: 'The session could not be restored' },
  LoggedOut: { summary: 'MAX ended the session; log in again' },
  AuthExpired: { summary: 'MAX no longer accepts the stored token; log in again' },
  AuthCodeSent: { summary: 'MAX sent an SMS code' },
  QRGenerated: { summary: 'A QR code waits to be scanned' },
  QRScanned: { summary: 'The QR code was scanned' },
  QRAuthorized: { summary: 'The QR login was approved' },
  QRExpired: { summary: 'The QR code expired unscanned' },
} as const satisfies Record<string, EventRow>

export type EventName = keyof typeof events
/** Filter value that stands for every event. */
export const ALL_EVENTS = 'All'
export const eventNames: readonly string[] = [...Object.keys(events), ALL_EVENTS]

const eventName = z.enum(eventNames, { error: 'unknown event name' })
/** Event names as an array or, as the original has it, one comma-separated string. */
export const eventListInput = z
  .union([z.string().max(4_000), z.array(z.string().max(64)).max(100)])
  .transform((value) =>
    (Array.isArray(value) ? value : value.split(',')).map((name) => name.trim()).filter(Boolean),
  )
  .pipe(z.array(eventName))
  .transform((names) => [...new Set(names)])

const byOpcode = new Map<number, EventName>()
for (const [name, row] of Object.entries(events) as [EventName, EventRow][]) {
  if (row.opcode !== undefined) byOpcode.set(row.opcode, name)
}

export interface ClassifiedPush {
  type: EventName
  /** Absent: never the same event twice. */
  dedupeKey?: string
  /** Chat whose order this event belongs to. */
  chatId?: string
}

/** The event a push stands for, or `undefined` for pushes that are not (yet) events. */
export const classifyPush = (opcode: number, payload: WireMap): ClassifiedPush | undefined => {
  const base = byOpcode.get(opcode)
  if (base === undefined) return undefined
  let type: EventName = base
  if (base === 'Message') {
    // Edits and deletes on the web transport are message pushes with a status (§5.2).
    const status = asMap(payload.message).status
    if (status === 'EDITED') type = 'MessageEdit'
    if (status === 'REMOVED') type = 'MessageDelete'
  }
  const row: EventRow = events[base]
  const key = row.dedupe?.(payload)
  const chatId = asIdString(payload.chatId) ?? asIdString(asMap(payload.chat).id)
  return {
    type,
    ...(key === undefined ? {} : { dedupeKey: `message:${key}` }),
    ...(chatId === undefined ? {} : { chatId }),
  }
}

/** Whether a filter lets an event through. */
export const wantsEvent = (filter: readonly string[], type: EventName): boolean =>
  filter.includes(ALL_EVENTS) || filter.includes(type)
