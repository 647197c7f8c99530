import { firstMedium, listAttachments } from '../attachments.ts'
import { narrow, publicValue } from '../ids.ts'
import { Opcode } from '../opcodes.ts'
import { asIdString, asMap, asMaps, asString, type WireMap } from '../wire.ts'
import { type EventName, eventRow, events } from './index.ts'
import { deletedIds, messageKey } from './messages.ts'

/** An event that a push stands for, ready to be stored. */
export interface PushedEvent {
  type: EventName
  /** Chat whose order this event belongs to. */
  chatId?: string
  /** Absent: never the same event twice. */
  dedupeKey?: string
  /** Its own part of the body. */
  fields: Record<string, unknown>
}

const byOpcode = new Map<number, EventName>()
const byControl = new Map<string, EventName>()
for (const name of Object.keys(events) as EventName[]) {
  const { opcode, control = [] } = eventRow(name)
  if (opcode !== undefined) byOpcode.set(opcode, name)
  for (const word of control) byControl.set(word, name)
}

/** Chat a push is about; saved messages are chat 0. */
export const chatOf = (payload: WireMap): string | undefined =>
  asIdString(payload.chatId) ?? asIdString(asMap(payload.chat).id)

/** What MAX's frames are to the gateway itself, never an event. */
const ownBusiness: ReadonlySet<number> = new Set([Opcode.PING, Opcode.RECONNECT, Opcode.LOGOUT])

const typeOf = (opcode: number, payload: WireMap): EventName | undefined => {
  if (ownBusiness.has(opcode)) return undefined
  const name = byOpcode.get(opcode) ?? 'Raw'
  if (name !== 'Message') return name
  // Edits and deletes on the web transport are message pushes with a status (§5.2).
  const { status } = asMap(payload.message)
  if (status === 'EDITED') return 'MessageEdit'
  return status === 'REMOVED' ? 'MessageDelete' : 'Message'
}

export interface PushContext {
  /** Whether a message needs no `Message` any more: the log tells of it, or the gateway sent it. */
  knows(chatId: string, message: WireMap): boolean
}

/**
 * The events a push stands for, in order: none for the gateway's own business, one as a rule. A message
 * that is first seen edited is a new message and an edit; a service message is also what it tells.
 */
export const eventsOfPush = (
  opcode: number,
  payload: WireMap,
  context: PushContext,
): PushedEvent[] => {
  const type = typeOf(opcode, payload)
  if (type === undefined) return []
  const event = render(type, opcode, payload)
  if (type === 'Message') return [event, ...derive(opcode, payload)]
  if (type !== 'MessageEdit') return [event]
  const { chatId } = event
  if (chatId === undefined || context.knows(chatId, asMap(payload.message))) return [event]
  return [render('Message', opcode, payload), event]
}

const render = (type: EventName, opcode: number, payload: WireMap): PushedEvent => {
  const chatId = chatOf(payload)
  const dedupeKey = eventRow(type).dedupe?.(payload)
  return {
    type,
    ...(chatId === undefined ? {} : { chatId }),
    ...(dedupeKey === undefined ? {} : { dedupeKey }),
    fields: {
      opcode,
      event: publicValue(payload),
      ...(chatId === undefined ? {} : { chatId: narrow(BigInt(chatId)) }),
      ...about(type, payload),
    },
  }
}

/** What stands beside the payload, so that nobody has to dig for it. */
const about = (type: EventName, payload: WireMap): Record<string, unknown> => {
  if (type === 'MessageDelete') return { messageIds: deletedIds(payload) }
  const message = asMap(payload.message)
  if (type === 'Message' || type === 'MessageEdit') {
    const attachments = listAttachments(message)
    return { messageId: asIdString(message.id), ...firstMedium(attachments), attachments }
  }
  const messageId = asIdString(payload.messageId)
  return messageId === undefined ? {} : { messageId }
}

/** What a service message tells, as an event of its own (§5.3). */
const derive = (opcode: number, payload: WireMap): PushedEvent[] => {
  const message = asMap(payload.message)
  const chatId = chatOf(payload)
  const messageId = asIdString(message.id)
  if (chatId === undefined || messageId === undefined) return []
  return asMaps(message.attaches).flatMap((attach) => {
    const type = attach._type === 'CONTROL' && byControl.get(asString(attach.event) ?? '')
    if (!type) return []
    const { _type, ...facts } = attach
    return [
      {
        type,
        chatId,
        dedupeKey: `${type}:${messageKey(chatId, messageId)}`,
        fields: {
          opcode,
          event: {
            ...(publicValue(facts) as object),
            ...(type === 'MemberJoined' || type === 'MemberLeft' || type === 'ChatCreated'
              ? { userIds: subjects(attach, message) }
              : {}),
            actorId: publicValue(message.sender),
            time: publicValue(message.time),
          },
          chatId: narrow(BigInt(chatId)),
          messageId,
        },
      },
    ]
  })
}

/** Whom a change of members is about: a list, a single one, or whoever wrote it. */
const subjects = (attach: WireMap, message: WireMap): unknown => {
  if (Array.isArray(attach.userIds)) return publicValue(attach.userIds)
  const one = attach.userId ?? (attach.event === 'new' ? undefined : message.sender)
  return one === undefined ? [] : [publicValue(one)]
}
