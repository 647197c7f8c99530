import { z } from 'zod'
import { idInput, messageIdInput, timeOfMessage } from '../ids.ts'
import { MessageModel, publicMessage, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { asMaps, asNumber, wireId, wireMessageId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

export const messageOperations = {
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
}
