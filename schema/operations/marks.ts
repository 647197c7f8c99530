import { z } from 'zod'
import { type IdValue, publicValue, timeOfMessage } from '../ids.ts'
import { ChatModel, messageRef, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asMap, asNumber, wireId, wireMessageId } from '../wire.ts'
import { maxErrors, operation, writeErrors } from './define.ts'

/** What is being prepared, by the name of the attachment it will be (operations-and-events.md §3.2). */
const typingKinds = ['TEXT', 'AUDIO', 'VIDEO', 'PHOTO', 'FILE', 'STICKER'] as const
type TypingKind = (typeof typingKinds)[number]

const sendTyping = async (
  session: SessionPort,
  input: { chatId?: IdValue | undefined },
  type: TypingKind,
): Promise<void> => {
  const chatId = wireId(await resolveChat(session, input))
  await session.call(Opcode.MSG_TYPING, { chatId, type })
}

const presence = (path: string) =>
  operation({
    method: 'POST',
    path,
    scope: 'tenant',
    summary: 'Show that this account is typing',
    description: 'The older name of `/chat/typing`, for text alone.',
    example: { input: { chatId: 157880882 }, output: { message: 'Presence sent' } },
    reads: true,
    online: true,
    input: z.object(target),
    output: z.looseObject({ message: z.string() }),
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: async (session, input) => {
      await sendTyping(session, input, 'TEXT')
      return { message: 'Presence sent' }
    },
  })

const readMarks = z.looseObject({ message: z.string(), unread: z.number() })

export const markOperations = {
  markRead: operation({
    method: 'POST',
    path: '/chat/markread',
    scope: 'tenant',
    summary: 'Mark everything up to a message as read',
    description: 'Newer messages stay unread; `unread` says how many.',
    example: {
      input: { chatId: 157880882, messageId: '117309440008060929' },
      output: { message: 'Marked as read', unread: 0 },
    },
    online: true,
    input: z.object({ ...target, messageId: messageRef }),
    output: readMarks,
    errors: writeErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const reply = await session.call(Opcode.CHAT_MARK, {
        type: 'READ_MESSAGE',
        chatId: wireId(chatId),
        messageId: wireMessageId(input.messageId),
        // The message's own time: a later mark would read newer messages too (§3.2).
        mark: timeOfMessage(input.messageId),
      })
      return { message: 'Marked as read', unread: asNumber(reply.unread) ?? 0 }
    },
  }),
  markUnread: operation({
    method: 'POST',
    path: '/chat/markunread',
    scope: 'tenant',
    summary: 'Mark a chat as unread',
    description: 'A note to oneself: nobody else sees it. Reading the chat takes it away.',
    example: {
      input: { chatId: 157880882 },
      output: { message: 'Marked as unread', unread: 1 },
    },
    online: true,
    input: z.object(target),
    output: readMarks,
    errors: writeErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const reply = await session.call(Opcode.CHAT_MARK, {
        type: 'SET_AS_UNREAD',
        chatId: wireId(chatId),
        mark: session.now(),
      })
      return { message: 'Marked as unread', unread: asNumber(reply.unread) ?? 0 }
    },
  }),
  sendTyping: operation({
    method: 'POST',
    path: '/chat/typing',
    scope: 'tenant',
    summary: 'Show that this account is preparing a message',
    description:
      'The others see it for some seconds, as far as they have the chat open; repeat it every five seconds while it lasts.',
    example: {
      input: { chatId: 157880882, kind: 'TEXT' },
      output: { message: 'Typing sent' },
    },
    reads: true,
    online: true,
    input: z.object({
      ...target,
      kind: z.enum(typingKinds).default('TEXT').describe('What is being prepared'),
    }),
    output: z.looseObject({ message: z.string() }),
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: async (session, input) => {
      await sendTyping(session, input, input.kind)
      return { message: 'Typing sent' }
    },
  }),
  sendPresence: presence('/user/presence'),
  sendChatPresence: presence('/chat/presence'),
  pinMessage: operation({
    method: 'POST',
    path: '/chat/pin',
    scope: 'tenant',
    summary: 'Pin a message',
    description:
      'One per chat: it takes the place of the one before. MAX pins in groups and channels only; in dialogs and Saved Messages it answers NOT_FOUND.',
    example: {
      input: { chatId: -70000000000123, messageId: '117309440008060929' },
      output: {
        message: 'Message pinned',
        chat: { id: -70000000000123, type: 'CHAT', pinnedMessageId: '117309440008060929' },
      },
    },
    online: true,
    input: z.object({
      ...target,
      messageId: messageRef,
      notify: z.boolean().default(true).describe('Tell the members'),
    }),
    output: z.looseObject({ message: z.string(), chat: ChatModel }),
    errors: writeErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const reply = await session.call(Opcode.CHAT_UPDATE, {
        chatId: wireId(chatId),
        pinMessageId: wireMessageId(input.messageId),
        notifyPin: input.notify,
      })
      return { message: 'Message pinned', chat: publicValue(asMap(reply.chat)) }
    },
  }),
  unpinMessage: operation({
    method: 'POST',
    path: '/chat/unpin',
    scope: 'tenant',
    summary: 'Take the pinned message down',
    description: 'Where nothing is pinned it changes nothing.',
    example: {
      input: { chatId: -70000000000123 },
      output: { message: 'Message unpinned', chat: { id: -70000000000123, type: 'CHAT' } },
    },
    online: true,
    input: z.object(target),
    output: z.looseObject({ message: z.string(), chat: ChatModel }),
    errors: writeErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const reply = await session.call(Opcode.CHAT_UPDATE, {
        chatId: wireId(chatId),
        pinMessageId: 0,
      })
      return { message: 'Message unpinned', chat: publicValue(asMap(reply.chat)) }
    },
  }),
}
