import { GatewayError } from './errors.ts'
import { type IdValue, publicValue } from './ids.ts'
import { Opcode } from './opcodes.ts'
import type { OutgoingMessage, SessionPort } from './session-port.ts'
import { asIdString, asMap, asMaps, asNumber, type WireMap, wireId, wireMessageId } from './wire.ts'

/**
 * MAX's own queue of scheduled messages (operations-and-events.md §3.1): its items are messages with
 * `delayedAttributes` that live beside the chat's history.
 */
const DELAYED = 'DELAYED'
/** What the web client asks for. */
const QUEUE_PAGE = 100

interface Place {
  chatId: IdValue
  messageId: string
}

/** Puts a message into the queue. It is not repeated: whether MAX would notice is not known (§10.1). */
export const scheduleAtMax = async (
  session: SessionPort,
  { chatId, message, notify }: OutgoingMessage,
  sendAt: number,
) => {
  const reply = await session.call(Opcode.MSG_SEND, {
    chatId: wireId(chatId),
    message: { cid: session.newCid(), ...message, delayedAttributes: { timeToFire: sendAt } },
    notify,
  })
  return publicItem(asMap(reply.message), chatId, sendAt)
}

/** What waits in a chat, the next one first. */
export const queueAtMax = async (session: SessionPort, chatId: IdValue) => {
  const items = (await readQueue(session, chatId)).map((message) => publicItem(message, chatId))
  return items.sort((a, b) => a.sendAt.localeCompare(b.sendAt))
}

/** Changes an item; MAX wants all of it again, so what stays is read first. */
export const changeAtMax = async (
  session: SessionPort,
  { chatId, messageId }: Place,
  change: { text?: string; elements?: WireMap[]; sendAt?: number | undefined },
) => {
  const queue = await readQueue(session, chatId)
  const before = queue.find((message) => asIdString(message.id) === messageId)
  if (before === undefined) {
    throw new GatewayError('NOT_FOUND', 'no scheduled message of this chat has this id')
  }
  const sendAt = change.sendAt ?? timeToFire(before)
  const reply = await session.call(Opcode.MSG_EDIT, {
    chatId: wireId(chatId),
    messageId: wireMessageId(messageId),
    text: change.text ?? before.text,
    elements: change.elements ?? before.elements ?? [],
    attachments: before.attaches ?? [],
    delayedAttributes: { timeToFire: sendAt },
  })
  return publicItem({ ...before, ...asMap(reply.message) }, chatId, sendAt)
}

export const cancelAtMax = async (
  session: SessionPort,
  { chatId, messageId }: Place,
): Promise<void> => {
  await session.call(Opcode.MSG_DELETE, {
    chatId: wireId(chatId),
    messageIds: [wireMessageId(messageId)],
    forMe: false,
    itemType: DELAYED,
  })
}

const readQueue = async (session: SessionPort, chatId: IdValue): Promise<WireMap[]> => {
  const reply = await session.call(Opcode.CHAT_HISTORY, {
    chatId: wireId(chatId),
    from: 1,
    forward: QUEUE_PAGE,
    backward: 0,
    getMessages: true,
    itemType: DELAYED,
  })
  return asMaps(reply.messages)
}

const timeToFire = (message: WireMap): number =>
  asNumber(asMap(message.delayedAttributes).timeToFire) ?? 0

const publicItem = (message: WireMap, chatId: IdValue, sendAt = timeToFire(message)) => ({
  via: 'max' as const,
  status: 'scheduled' as const,
  messageId: String(asIdString(message.id)),
  chatId,
  sendAt: new Date(sendAt).toISOString(),
  message: publicValue(message, true) as Record<string, unknown>,
})
