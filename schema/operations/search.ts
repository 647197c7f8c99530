import { z } from 'zod'
import type { IdValue } from '../ids.ts'
import { narrow, publicValue } from '../ids.ts'
import { ChatModel, MessageModel, publicMessage, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { asIdString, asMap, asMaps, isWireMap, type WireMap, wireId } from '../wire.ts'
import { operation, readErrors } from './define.ts'

/** Where a search goes on: MAX's own value, a number or a text, which only MAX understands. */
const marker = z.union([z.int(), z.string().min(1).max(512)])

const SearchResult = z
  .looseObject({
    chatId: z.union([z.number(), z.string()]),
    highlights: z.array(z.unknown()).describe('Words that matched'),
    message: MessageModel.optional(),
    chat: ChatModel.optional(),
  })
  .meta({ id: 'SearchResult' })

export const searchOperations = {
  searchMessages: operation({
    method: 'POST',
    path: '/chat/search',
    scope: 'tenant',
    summary: 'Search messages in one chat or in all of them',
    description:
      'With a chat, its messages that have words beginning with those of `query`, newest first. Without one, MAX answers with one row per chat; `section` says whether its messages or its name matched. Page with `marker`.',
    example: {
      input: { query: 'hello', chatId: 157880882 },
      output: {
        results: [
          {
            chatId: 157880882,
            highlights: ['hello'],
            message: {
              id: '117309440008060929',
              chatId: 157880882,
              time: 1790000000123,
              type: 'USER',
              sender: 240000035,
              text: 'Hello there',
              attaches: [],
              elements: [],
            },
          },
        ],
        total: 1,
      },
    },
    reads: true,
    online: true,
    input: z.object({
      ...target,
      query: z.string().trim().min(1).max(200),
      count: z.int().min(1).max(100).default(30).describe('How many at most'),
      marker: marker.optional().describe('`marker` of the page before'),
    }),
    output: z.looseObject({
      results: z.array(SearchResult),
      total: z.number().optional().describe('How many there are in all, as far as MAX says'),
      marker: marker.optional().describe('Where the next page starts; absent on the last one'),
    }),
    errors: readErrors,
    run: async (session, input) => {
      const { query, count } = input
      const everywhere = input.chatId === undefined && !input.phone && (input.userId ?? 0) === 0
      const chatId = everywhere ? undefined : await resolveChat(session, input)
      const page = { query, count, ...(input.marker === undefined ? {} : { marker: input.marker }) }
      const reply =
        chatId === undefined
          ? await session.call(Opcode.CHAT_SEARCH, page)
          : await session.call(Opcode.MSG_SEARCH, { chatId: wireId(chatId), ...page })
      const { result: _result, ...rest } = reply
      return {
        ...(publicValue(rest) as Record<string, unknown>),
        results: asMaps(reply.result).map((row) => publicResult(row, chatId)),
      }
    },
  }),
}

const publicResult = (row: WireMap, asked: IdValue | undefined): Record<string, unknown> => {
  const { message, highlights, ...rest } = row
  const given = asIdString(row.chatId) ?? asIdString(asMap(row.chat).id)
  const chatId = given === undefined ? (asked ?? 0) : narrow(BigInt(given))
  return {
    ...(publicValue(rest) as Record<string, unknown>),
    chatId,
    highlights: Array.isArray(highlights) ? publicValue(highlights) : [],
    ...(isWireMap(message) ? { message: publicMessage(message, chatId) } : {}),
  }
}
