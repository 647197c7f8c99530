import { z } from 'zod'
import { type IdValue, messageIdInput } from '../ids.ts'
import { after, before, readPage, until } from '../message-paging.ts'
import {
  MessageModel,
  messageRef,
  messageRefs,
  publicMessage,
  resolveChat,
  target,
} from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { readMessages } from '../stored-message.ts'
import { asIdString, asMaps, type WireMap, wireId, wireMessageId } from '../wire.ts'
import { operation, readErrors } from './define.ts'

const chatIdOutput = z.union([z.number(), z.string()])

const exampleMessage = {
  id: '117309440008060929',
  chatId: 157880882,
  time: 1790000000123,
  type: 'USER',
  sender: 240000035,
  text: 'Hello there',
  attaches: [],
  elements: [{ type: 'STRONG', from: 0, length: 5 }],
  reactionInfo: {},
}

const cursor = messageIdInput.refine((id) => BigInt(id) >= 0n, 'expected a message id or a time')

const mediaTypes = ['PHOTO', 'VIDEO', 'FILE', 'AUDIO', 'SHARE'] as const

const oneOf = (input: { before?: unknown; after?: unknown }): boolean =>
  input.before === undefined || input.after === undefined
const onlyOne = { path: ['after'], message: 'give `before` or `after`, not both' }

export const historyOperations = {
  getHistory: operation({
    method: 'POST',
    path: '/chat/history',
    scope: 'tenant',
    summary: 'Messages of a chat, oldest first',
    description:
      'The newest ones unless told otherwise. Page back with `before` = the first id of a page, forward with `after` = the last one, while `hasMore` is true; nothing is repeated or left out. Reading marks nothing as read.',
    example: {
      input: { chatId: 157880882, limit: 50, before: '117309440008060930' },
      output: { chatId: 157880882, messages: [exampleMessage], hasMore: false },
    },
    reads: true,
    online: true,
    input: z
      .object({
        ...target,
        limit: z.int().min(1).max(200).optional().describe('How many; stronger than `count`'),
        count: z.int().min(0).max(200).default(50).describe('How many; 0 = 50'),
        fromTime: z.int().min(0).default(0).describe('Up to this time, Unix ms; 0 = now'),
        before: cursor.optional().describe('Older than this message id or Unix ms'),
        after: cursor.optional().describe('Newer than this message id or Unix ms'),
      })
      .refine(oneOf, onlyOne),
    output: z.looseObject({
      chatId: chatIdOutput,
      messages: z.array(MessageModel),
      hasMore: z.boolean().describe('Whether there are more in the direction of paging'),
    }),
    errors: readErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const read = async (window: { from: number; backward: number; forward: number }) => {
        const request = { chatId: wireId(chatId), ...window, getMessages: true }
        return asMaps((await session.call(Opcode.CHAT_HISTORY, request)).messages)
      }
      const page = await readPage(read, {
        limit: input.limit ?? (input.count || 50),
        from: startOf(input, () => until(input.fromTime || session.now() + CLOCK_SKEW_MS)),
      })
      return {
        chatId,
        messages: page.messages.map((message) => publicMessage(message, chatId)),
        hasMore: page.hasMore,
      }
    },
  }),
  getMessages: operation({
    method: 'POST',
    path: '/chat/messages',
    scope: 'tenant',
    summary: 'Messages by their ids',
    description: 'In the order of the ids. Those that MAX does not know are listed in `missing`.',
    example: {
      input: { chatId: 157880882, messageIds: ['117309440008060929', '1'] },
      output: { chatId: 157880882, messages: [exampleMessage], missing: ['1'] },
    },
    reads: true,
    online: true,
    input: z.object({ ...target, messageIds: messageRefs }),
    output: z.looseObject({
      chatId: chatIdOutput,
      messages: z.array(MessageModel),
      missing: z.array(z.string()),
    }),
    errors: readErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const messages = await readMessages(session, chatId, input.messageIds)
      const found = new Map(messages.map((message) => [asIdString(message.id), message] as const))
      const ids = [...new Set(input.messageIds)]
      return {
        chatId,
        messages: ids.flatMap((id) => {
          const message = found.get(id)
          return message === undefined ? [] : [publicMessage(message, chatId)]
        }),
        missing: ids.filter((id) => !found.has(id)),
      }
    },
  }),
  getMedia: operation({
    method: 'POST',
    path: '/chat/media',
    scope: 'tenant',
    summary: 'Messages of a chat that have media, oldest first',
    description:
      'The newest ones unless `before` or `after` says otherwise; page as in `/chat/history`. `total` counts all of the chat as far as MAX says.',
    example: {
      input: { chatId: 157880882, types: ['PHOTO'], limit: 30 },
      output: {
        chatId: 157880882,
        messages: [
          {
            ...exampleMessage,
            attaches: [{ _type: 'PHOTO', photoId: 900000001, baseUrl: 'https://i.oneme.ru/i?r=x' }],
          },
        ],
        hasMore: false,
        total: 1,
      },
    },
    reads: true,
    online: true,
    input: z
      .object({
        ...target,
        types: z
          .array(z.enum(mediaTypes))
          .min(1)
          .default([...mediaTypes])
          .describe('Kinds of media; all of them by default'),
        limit: z.int().min(1).max(100).default(30),
        before: messageRef.optional().describe('Older than this message'),
        after: messageRef.optional().describe('Newer than this message'),
      })
      .refine(oneOf, onlyOne),
    output: z.looseObject({
      chatId: chatIdOutput,
      messages: z.array(MessageModel),
      hasMore: z.boolean(),
      total: z.number().optional(),
    }),
    errors: readErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const { limit } = input
      const given = input.before ?? input.after
      const anchor = given ?? (await newestMessageId(session, chatId))
      if (anchor === undefined) return { chatId, messages: [], hasMore: false, total: 0 }
      // Pages overlap at the anchor (§3.2): one more for it, one more to see whether it goes on.
      const count = limit + 2
      const backwards = input.after === undefined
      const reply = await session.call(Opcode.CHAT_MEDIA, {
        chatId: wireId(chatId),
        messageId: wireMessageId(anchor),
        attachTypes: [...new Set(input.types)],
        backward: backwards ? count : 0,
        forward: backwards ? 0 : count,
      })
      const messages = asMaps(reply.messages)
        .filter(({ id }) => given === undefined || asIdString(id) !== given)
        .sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1))
      const page = backwards ? messages.slice(-limit) : messages.slice(0, limit)
      return {
        chatId,
        messages: page.map((message) => publicMessage(message, chatId)),
        hasMore: messages.length > limit,
        ...(typeof reply.total === 'number' ? { total: reply.total } : {}),
      }
    },
  }),
}

/** MAX's clock may be ahead of ours: the newest message must not be missed for it. */
const CLOCK_SKEW_MS = 60_000

const startOf = (
  input: { before?: string | undefined; after?: string | undefined },
  otherwise: () => { before: bigint },
): { before: bigint } | { after: bigint } => {
  if (input.after !== undefined) return after(BigInt(input.after))
  return input.before === undefined ? otherwise() : before(BigInt(input.before))
}

const newestMessageId = async (
  session: SessionPort,
  chatId: IdValue,
): Promise<string | undefined> => {
  const reply = await session.call(Opcode.CHAT_HISTORY, {
    chatId: wireId(chatId),
    from: session.now() + CLOCK_SKEW_MS,
    backward: 1,
    forward: 0,
    getMessages: true,
  })
  return asIdString(asMaps(reply.messages).at(-1)?.id)
}

const idOf = ({ id }: WireMap): bigint => BigInt(asIdString(id) ?? 0)
