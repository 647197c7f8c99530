import { z } from 'zod'
import { attachInput } from '../attach-input.ts'
import { GatewayError } from '../errors.ts'
import { idInput } from '../ids.ts'
import {
  composeText,
  formatFields,
  forwardedMessage,
  outgoingMessage,
  publicSent,
  sendFields,
  sentOutput,
  textInput,
} from '../message-input.ts'
import {
  MessageModel,
  messageRef,
  messageRefs,
  publicMessage,
  resolveChat,
  target,
} from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { readMessage, wireAttach } from '../stored-message.ts'
import { asMap, asMaps, asString, wireId, wireMessageId } from '../wire.ts'
import { operation, sendErrors, writeErrors } from './define.ts'

export const messageOperations = {
  sendText: operation({
    method: 'POST',
    path: '/chat/send/text',
    scope: 'tenant',
    summary: 'Send a text message',
    description:
      'The text is plain unless `format` says Markdown or HTML; `elements` formats a plain text explicitly. The message is written down first and repeated under the same id after a lost connection, so that exactly one arrives.',
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
    errors: sendErrors,
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
  editMessage: operation({
    method: 'POST',
    path: '/chat/send/edit',
    scope: 'tenant',
    summary: 'Change the text or the attachments of an own message',
    description:
      'What is not given stays: without `text` the text and its formatting, and the attachments unless `attachments` says `remove` or lists others as MAX gave them. MAX allows it for seven days, and never for forwarded messages.',
    example: {
      input: { chatId: 157880882, messageId: '117309440008060930', text: 'Hello again' },
      output: {
        message: 'Message edited',
        messageId: '117309440008060930',
        chatId: 157880882,
        editedMessage: {
          id: '117309440008060930',
          chatId: 157880882,
          time: 1790000000123,
          updateTime: 1790000060000,
          type: 'USER',
          sender: 120000017,
          text: 'Hello again',
          status: 'EDITED',
          attaches: [],
          elements: [],
        },
      },
    },
    online: true,
    input: z.object({
      ...target,
      messageId: messageRef,
      text: textInput.optional(),
      ...formatFields,
      attachments: z
        .union([z.enum(['keep', 'remove']), z.array(attachInput).max(20)])
        .default('keep')
        .describe('What becomes of the attachments'),
    }),
    output: z.looseObject({
      message: z.string(),
      messageId: z.string(),
      chatId: z.union([z.number(), z.string()]),
      editedMessage: MessageModel,
    }),
    errors: writeErrors,
    run: async (session, input) => {
      const { messageId, attachments } = input
      if (input.text === undefined && input.elements.length > 0) {
        throw new GatewayError('INVALID_INPUT', 'elements need their text', { field: 'elements' })
      }
      const text =
        input.text === undefined ? undefined : composeText({ ...input, text: input.text })
      const chatId = await resolveChat(session, input)
      const before =
        text === undefined || attachments === 'keep'
          ? await readMessage(session, chatId, messageId)
          : {}
      const kept = attachments === 'keep' ? asMaps(before.attaches) : attachments
      const content = {
        text: text?.text ?? asString(before.text) ?? '',
        elements: text?.elements ?? asMaps(before.elements).map(wireAttach),
        attachments: kept === 'remove' ? [] : kept.map(wireAttach),
      }
      if (content.text.trim() === '' && content.attachments.length === 0) {
        throw new GatewayError('INVALID_INPUT', 'nothing would be left of the message', {
          field: 'text',
        })
      }
      const reply = await session.call(Opcode.MSG_EDIT, {
        chatId: wireId(chatId),
        messageId: wireMessageId(messageId),
        ...content,
      })
      // MAX's answer leaves the formatting out (§2.1); it is what was sent.
      const edited = { elements: content.elements, ...asMap(reply.message) }
      return {
        message: 'Message edited',
        messageId,
        chatId,
        editedMessage: publicMessage(edited, chatId),
      }
    },
  }),
  forwardMessages: operation({
    method: 'POST',
    path: '/chat/forward',
    scope: 'tenant',
    summary: 'Forward messages to a chat',
    description:
      'Each becomes a message of its own, in the order given. When one fails, the rest is not sent, and `details.messages` of the error says which were.',
    example: {
      input: {
        fromChatId: 157880882,
        messageIds: ['117309440008060930'],
        chatId: -70000000000123,
      },
      output: {
        chatId: -70000000000123,
        messages: [
          {
            id: 'msg_mu9ph3s2',
            messageId: '117309440008060999',
            chatId: -70000000000123,
            timestamp: 1790000000124,
            sourceMessageId: '117309440008060930',
          },
        ],
      },
    },
    online: true,
    creates: true,
    input: z.object({
      ...target,
      fromChatId: idInput.describe('Chat that the messages are in, 0 = Saved Messages'),
      messageIds: messageRefs.max(100).describe('In the order in which they are to arrive'),
      notify: sendFields.notify,
      silent: sendFields.silent,
    }),
    output: z.looseObject({
      chatId: z.union([z.number(), z.string()]),
      messages: z.array(sentOutput.extend({ sourceMessageId: z.string() })),
    }),
    errors: sendErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const messages: (ReturnType<typeof publicSent> & { sourceMessageId: string })[] = []
      for (const sourceMessageId of input.messageIds) {
        const source = { chatId: input.fromChatId, messageId: sourceMessageId }
        const message = forwardedMessage(chatId, input, source)
        try {
          const sent = await session.send(message)
          messages.push({ ...publicSent(sent), sourceMessageId })
        } catch (error) {
          if (!(error instanceof GatewayError) || messages.length === 0) throw error
          const { code, message: text, ...data } = error.data
          throw new GatewayError(code, text, { ...data, details: { messages }, cause: error })
        }
      }
      return { chatId, messages }
    },
  }),
  deleteMessages: operation({
    method: 'POST',
    path: '/chat/delete',
    scope: 'tenant',
    summary: 'Delete messages, for everybody or for this account alone',
    description:
      'For everybody: own messages, and those of others where the account is an administrator. MAX refuses messages that are deleted already.',
    example: {
      input: { chatId: 157880882, messageIds: ['117309440008060930'], forMe: false },
      output: {
        message: 'Messages deleted',
        chatId: 157880882,
        messageIds: ['117309440008060930'],
      },
    },
    online: true,
    input: z.object({
      ...target,
      messageIds: messageRefs,
      forMe: z.boolean().default(false).describe('true leaves them there for the others'),
    }),
    output: z.looseObject({ message: z.string(), messageIds: z.array(z.string()) }),
    errors: writeErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      await session.call(Opcode.MSG_DELETE, {
        chatId: wireId(chatId),
        messageIds: input.messageIds.map(wireMessageId),
        forMe: input.forMe,
      })
      return { message: 'Messages deleted', chatId, messageIds: input.messageIds }
    },
  }),
  deleteRange: operation({
    method: 'POST',
    path: '/chat/delete/range',
    scope: 'tenant',
    summary: 'Delete every message of a stretch of time',
    description:
      'It cannot be undone and names no message, so it needs `confirm: true`. MAX decides what of other people’s messages the account may delete.',
    example: {
      input: {
        chatId: -70000000000123,
        startTime: 1790000000000,
        endTime: 1790000600000,
        confirm: true,
      },
      output: {
        message: 'Messages deleted',
        chatId: -70000000000123,
        startTime: 1790000000000,
        endTime: 1790000600000,
      },
    },
    online: true,
    input: z
      .object({
        ...target,
        startTime: z.int().min(1).describe('Unix ms, inclusive'),
        endTime: z.int().min(1).describe('Unix ms, inclusive'),
        confirm: z.literal(true).describe('Has to be `true`: the messages are gone for good'),
      })
      .refine(({ startTime, endTime }) => startTime <= endTime, {
        path: ['endTime'],
        message: 'endTime lies before startTime',
      }),
    output: z.looseObject({ message: z.string(), startTime: z.number(), endTime: z.number() }),
    errors: writeErrors,
    run: async (session, input) => {
      const { startTime, endTime } = input
      const chatId = await resolveChat(session, input)
      await session.call(Opcode.MSG_DELETE_RANGE, { chatId: wireId(chatId), startTime, endTime })
      return { message: 'Messages deleted', chatId, startTime, endTime }
    },
  }),
}
