import { z } from 'zod'
import { chatCursorInput, pageOfChats } from '../chat-pages.ts'
import { chatId, chatsByIds, publicChat, publicPreview } from '../chats.ts'
import { markerInput, nextCursor, nextCursorOf } from '../cursor.ts'
import { GatewayError } from '../errors.ts'
import { channel, dialog, group } from '../example-chats.ts'
import { idInput, publicValue } from '../ids.ts'
import { ChatModel, ContactModel } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { asIdString, asMaps, asNumber, isWireMap, type WireMap } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** The chat list, chats by id, and how to find some. */

const kinds = { dialog: 'DIALOG', group: 'CHAT', channel: 'CHANNEL' } as const

const found = z.looseObject({
  kind: z.enum(['chat', 'contact', 'unknown']).describe('Which of the other fields is there'),
  chat: ChatModel.optional(),
  contact: ContactModel.optional(),
})

const searchTypes = { all: 'ALL', channels: 'CHANNELS', chats: 'PUBLIC_CHATS' } as const

const searchHit = (hit: WireMap): z.output<typeof found> => {
  const shown = publicValue(hit) as z.output<typeof found>
  if (isWireMap(hit.chat)) return { ...shown, kind: 'chat', chat: publicPreview(hit.chat) }
  return { ...shown, kind: isWireMap(hit.contact) ? 'contact' : 'unknown' }
}

export const chatOperations = {
  listChats: operation({
    method: 'GET',
    path: '/chat/list',
    scope: 'tenant',
    summary: 'Chats of the account, in pages',
    description:
      'Newest activity first. Pass `nextCursor` back as `cursor` until it is `null`; with a `type` a ' +
      'page can be short and still have a next one.',
    online: true,
    input: z.object({
      limit: z.int().min(1).max(200).default(50).describe('How many to give, up to 200'),
      cursor: chatCursorInput.optional(),
      type: z.enum(['dialog', 'group', 'channel']).optional().describe('Default: all of them'),
    }),
    output: z.looseObject({ chats: z.array(ChatModel), count: z.number(), nextCursor }),
    example: {
      input: { limit: 2 },
      output: {
        chats: [group, dialog],
        count: 2,
        nextCursor: '1790000000123~-70000000000123~157880882',
      },
    },
    errors: maxErrors,
    run: async (session, { limit, cursor, type }) => {
      const page = await pageOfChats(session, {
        limit,
        cursor,
        maxRequests: 20,
        isWanted: (chat) => type === undefined || chat.type === kinds[type],
      })
      const chats = page.chats.map((chat) => publicChat(session, chat))
      return { chats, count: chats.length, nextCursor: page.nextCursor }
    },
  }),
  getChats: operation({
    method: 'POST',
    path: '/chat/info',
    scope: 'tenant',
    summary: 'One chat or several by id',
    description:
      'Dialogs, groups and channels; 0 is Saved Messages. Ids that the account has no chat for are ' +
      'in `missing`, which is no error.',
    reads: true,
    online: true,
    input: z.object({
      chatId: chatId.optional(),
      chatIds: z.array(idInput).max(500).default([]).describe('Several at once, up to 500'),
    }),
    output: z.looseObject({
      chats: z.array(ChatModel),
      missing: z.array(z.union([z.number(), z.string()])),
    }),
    example: {
      input: { chatIds: [group.id, 1] },
      output: { chats: [group], missing: [1] },
    },
    errors: maxErrors,
    run: async (session, input) => {
      const ids = [...(input.chatId === undefined ? [] : [input.chatId]), ...input.chatIds]
      if (ids.length === 0) {
        throw new GatewayError('INVALID_INPUT', 'chatId or chatIds is required', {
          field: 'chatIds',
        })
      }
      const chats = await chatsByIds(session, ids)
      const known = new Map(chats.map((chat) => [asIdString(chat.id), chat]))
      const asked = [...new Set(ids)]
      return {
        chats: asked.flatMap((id) => {
          const chat = known.get(String(id))
          return chat ? [publicChat(session, chat)] : []
        }),
        missing: asked.filter((id) => !known.has(String(id))).map((id) => publicValue(id)),
      }
    },
  }),
  searchPublic: operation({
    method: 'POST',
    path: '/search/public',
    scope: 'tenant',
    summary: 'Find public channels, public groups and people',
    description: 'What MAX shows to everybody; the account’s own chats are in `GET /chat/list`.',
    reads: true,
    online: true,
    input: z.object({
      query: z.string().trim().min(1).max(200).describe('Beginnings of words'),
      type: z
        .enum(['all', 'channels', 'chats'])
        .default('all')
        .describe('Everything, channels alone, or groups alone'),
      count: z.int().min(1).max(100).default(30).describe('How many to give, up to 100'),
      cursor: markerInput.optional(),
    }),
    output: z.looseObject({ results: z.array(found), total: z.number(), nextCursor }),
    example: {
      input: { query: 'news', type: 'channels' },
      output: {
        results: [{ kind: 'chat', chat: { ...channel, access: 'PUBLIC' }, highlights: ['news'] }],
        total: 1,
        nextCursor: null,
      },
    },
    errors: maxErrors,
    run: async (session, { query, type, count, cursor }) => {
      const reply = await session.call(Opcode.PUBLIC_SEARCH, {
        query,
        count,
        type: searchTypes[type],
        marker: cursor,
      })
      const results = asMaps(reply.result).map(searchHit)
      const total = asNumber(reply.total) ?? results.length
      return { results, total, nextCursor: nextCursorOf(reply.marker) }
    },
  }),
}
