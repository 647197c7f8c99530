import { z } from 'zod'
import { idInput, messageIdInput, publicValue } from '../ids.ts'
import { ChatModel, ContactModel, MessageModel, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asMaps, asNumber, type WireMap, wireId, wireMessageId } from '../wire.ts'
import { operation } from './define.ts'

const maxErrors = ['MAX_REFUSED', 'RATE_LIMITED', 'MAX_UNAVAILABLE', 'MAX_TIMEOUT'] as const

/** `id >> 16` is the send time in ms (operations-and-events.md §1.1). */
const timeOfMessage = (messageId: string): number => Number(BigInt(messageId) >> 16n)

const publicMessage = (message: WireMap, chatId: unknown): Record<string, unknown> => ({
  chatId,
  attaches: [],
  ...(publicValue(message, true) as Record<string, unknown>),
})

/** Pages through CHATS_LIST (§3.6: newest first, `marker` = time of the oldest) with a bound. */
const allChats = async (session: SessionPort): Promise<WireMap[]> => {
  const seen = new Map<string, WireMap>()
  let marker = session.now() + 1
  for (let page = 0; page < 20; page += 1) {
    const reply = await session.call(Opcode.CHATS_LIST, { marker })
    const chats = asMaps(reply.chats)
    const before = seen.size
    for (const chat of chats) seen.set(String(chat.id), chat)
    const next = asNumber(reply.marker)
    if (seen.size === before || next === undefined || next <= 0 || next >= marker) break
    marker = next
  }
  return [...seen.values()]
}

export const chatOperations = {
  sendText: operation({
    method: 'POST',
    path: '/chat/send/text',
    scope: 'tenant',
    summary: 'Send a text message',
    online: true,
    input: z.object({
      ...target,
      text: z.string().min(1).max(4000).describe('Up to 4000 characters'),
      replyTo: messageIdInput.optional().describe('Message this one answers'),
      notify: z.boolean().default(true).describe('false sends silently'),
    }),
    output: z.looseObject({
      messageId: z.string(),
      chatId: z.union([z.number(), z.string()]),
    }),
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN', 'OUTCOME_UNKNOWN'],
    run: async (session, input, context) => {
      const chatId = await resolveChat(session, input)
      const sent = await session.send(
        {
          chatId,
          message: {
            text: input.text,
            elements: [],
            attaches: [],
            link:
              input.replyTo === undefined || input.replyTo === '0'
                ? undefined
                : { type: 'REPLY', messageId: wireMessageId(input.replyTo) },
          },
          notify: input.notify,
        },
        context.idempotencyKey,
      )
      return {
        messageId: sent.messageId,
        chatId: sent.chatId,
        timestamp: timeOfMessage(sent.messageId),
      }
    },
  }),
  getHistory: operation({
    method: 'POST',
    path: '/chat/history',
    scope: 'tenant',
    summary: 'Messages of a chat, oldest first',
    online: true,
    input: z.object({
      ...target,
      count: z.int().min(0).max(200).default(50),
      fromTime: z.int().min(0).default(0).describe('Unix ms; 0 = now'),
    }),
    output: z.looseObject({ messages: z.array(MessageModel) }),
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const reply = await session.call(Opcode.CHAT_HISTORY, {
        chatId: wireId(chatId),
        from: input.fromTime || session.now(),
        forward: 0,
        backward: input.count || 50,
        getMessages: true,
      })
      return { chatId, messages: asMaps(reply.messages).map((m) => publicMessage(m, chatId)) }
    },
  }),
  markRead: operation({
    method: 'POST',
    path: '/chat/markread',
    scope: 'tenant',
    summary: 'Mark everything up to a message as read',
    online: true,
    input: z.object({
      chatId: idInput,
      messageId: messageIdInput.refine((id) => BigInt(id) > 0n, 'expected the id of a message'),
    }),
    output: z.looseObject({ message: z.string(), unread: z.number() }),
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: async (session, input) => {
      const reply = await session.call(Opcode.CHAT_MARK, {
        type: 'READ_MESSAGE',
        chatId: wireId(input.chatId),
        messageId: wireMessageId(input.messageId),
        // The message's own time: a later mark would read newer messages too (§3.2).
        mark: timeOfMessage(input.messageId),
      })
      return { message: 'Marked as read', unread: asNumber(reply.unread) ?? 0 }
    },
  }),
  listGroups: operation({
    method: 'GET',
    path: '/group/list',
    scope: 'tenant',
    summary: 'Groups and channels of the account',
    online: true,
    input: z.object({}),
    output: z.looseObject({ groups: z.array(ChatModel), channels: z.array(ChatModel) }),
    errors: maxErrors,
    run: async (session) => {
      const chats = await allChats(session)
      const ofType = (type: string) =>
        chats.filter((chat) => chat.type === type).map((chat) => publicValue(chat))
      return { groups: ofType('CHAT'), channels: ofType('CHANNEL') }
    },
  }),
  listContacts: operation({
    method: 'GET',
    path: '/user/contacts',
    scope: 'tenant',
    summary: 'Contacts of the account',
    online: true,
    input: z.object({}),
    output: z.looseObject({ contacts: z.array(ContactModel), count: z.number() }),
    run: async (session) => {
      const contacts = session.contacts().map((contact) => publicValue(contact))
      return { contacts, count: contacts.length }
    },
  }),
}
