import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { idInput, messageIdInput, timeOfMessage } from '../ids.ts'
import {
  composeText,
  formatFields,
  outgoingMessage,
  publicSent,
  sendFields,
  sentOutput,
  textInput,
} from '../message-input.ts'
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
    description:
      'Plain by default; `format` reads Markdown or HTML, and `elements` formats a plain text explicitly. The message is written down first and repeated under the same id after a lost connection, so that exactly one arrives.',
    example: {
      input: { chatId: 157880882, text: 'Hello **there**', format: 'markdown' },
      output: {
        id: 'msg_mu9ph3s1',
        messageId: '117309440008060930',
        chatId: 157880882,
        timestamp: 1790000000123,
      },
    },
    online: true,
    creates: true,
    respondsAsync: true,
    input: z.object({ ...target, text: textInput.min(1), ...formatFields, ...sendFields }),
    output: sentOutput,
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN', 'OUTCOME_UNKNOWN'],
    run: async (session, input) => {
      const content = composeText(input)
      if (content.text.trim() === '') {
        throw new GatewayError('INVALID_INPUT', 'the text has nothing to show', { field: 'text' })
      }
      const chatId = await resolveChat(session, input)
      const message = outgoingMessage(chatId, input, content)
      return publicSent(await session.send(message))
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
