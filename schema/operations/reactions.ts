import { z } from 'zod'
import { publicValue } from '../ids.ts'
import { messageRef, messageRefs, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { asIdString, asMap, asMaps, type WireValue, wireId, wireMessageId } from '../wire.ts'
import { operation, readErrors, writeErrors } from './define.ts'

/** MAX's own client asks for so many messages at once (operations-and-events.md §3.3). */
const REACTIONS_PAGE = 40

const ReactionInfo = z
  .looseObject({
    totalCount: z.number(),
    counters: z.array(z.looseObject({ reaction: z.string(), count: z.number() })),
    yourReaction: z.string().optional(),
  })
  .meta({ id: 'ReactionInfo' })

/** MAX says `{}` when there are none. */
const reactionInfo = (info: WireValue): Record<string, unknown> => ({
  totalCount: 0,
  ...(publicValue(asMap(info)) as Record<string, unknown>),
  counters: asMaps(asMap(info).counters).map((counter) => publicValue(counter)),
})

const thumbs = { totalCount: 1, counters: [{ reaction: '👍', count: 1 }], yourReaction: '👍' }

export const reactionOperations = {
  react: operation({
    method: 'POST',
    path: '/chat/react',
    scope: 'tenant',
    summary: 'React to a message, or take the reaction back',
    description:
      'One reaction per person and message: a new one replaces the old, an empty one removes it. The answer has what the message carries now.',
    example: {
      input: { chatId: 157880882, messageId: '117309440008060929', reaction: '👍' },
      output: { message: 'Reaction updated', reactionInfo: thumbs },
    },
    online: true,
    input: z.object({
      ...target,
      messageId: messageRef,
      reaction: z.string().trim().max(64).default('').describe('An emoji; empty removes'),
    }),
    output: z.looseObject({ message: z.string(), reactionInfo: ReactionInfo }),
    errors: writeErrors,
    run: async (session, input) => {
      const { reaction } = input
      const chatId = await resolveChat(session, input)
      const place = { chatId: wireId(chatId), messageId: wireMessageId(input.messageId) }
      const reply =
        reaction === ''
          ? await session.call(Opcode.MSG_CANCEL_REACTION, place)
          : await session.call(Opcode.MSG_REACTION, {
              ...place,
              reaction: { reactionType: 'EMOJI', id: reaction },
            })
      return { message: 'Reaction updated', reactionInfo: reactionInfo(reply.reactionInfo) }
    },
  }),
  getReactions: operation({
    method: 'POST',
    path: '/chat/reactions',
    scope: 'tenant',
    summary: 'Reactions of messages, counted',
    description:
      'One entry for each id that was asked for. History does not carry reactions in dialogs and groups; this does.',
    example: {
      input: { chatId: 157880882, messageIds: ['117309440008060929'] },
      output: { reactions: { '117309440008060929': thumbs } },
    },
    reads: true,
    online: true,
    input: z.object({ ...target, messageIds: messageRefs }),
    output: z.looseObject({ reactions: z.record(z.string(), ReactionInfo) }),
    errors: readErrors,
    run: async (session, input) => {
      const chatId = wireId(await resolveChat(session, input))
      const ids = [...new Set(input.messageIds)]
      const reactions: Record<string, unknown> = {}
      for (let at = 0; at < ids.length; at += REACTIONS_PAGE) {
        const page = ids.slice(at, at + REACTIONS_PAGE)
        const reply = await session.call(Opcode.MSG_GET_REACTIONS, {
          chatId,
          messageIds: page.map(wireMessageId),
        })
        const found = asMap(reply.messagesReactions)
        for (const id of page) reactions[id] = reactionInfo(found[id])
      }
      return { reactions }
    },
  }),
  listReactions: operation({
    method: 'POST',
    path: '/chat/reactions/who',
    scope: 'tenant',
    summary: 'Who reacted to a message, and how',
    description: 'With `reaction`, those alone who chose it. Page with `marker`.',
    example: {
      input: { chatId: 157880882, messageId: '117309440008060929' },
      output: { reactions: [{ userId: 240000035, reaction: '👍' }], reactionInfo: thumbs },
    },
    reads: true,
    online: true,
    input: z.object({
      ...target,
      messageId: messageRef,
      reaction: z.string().trim().max(64).optional(),
      count: z.int().min(1).max(100).default(50),
      marker: z.union([z.int(), z.string().max(512)]).optional(),
    }),
    output: z.looseObject({
      reactions: z.array(
        z.looseObject({ userId: z.union([z.number(), z.string()]), reaction: z.string() }),
      ),
      reactionInfo: ReactionInfo,
      marker: z.union([z.number(), z.string()]).optional(),
    }),
    errors: readErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const { reaction, count, marker } = input
      const reply = await session.call(Opcode.MSG_GET_DETAILED_REACTIONS, {
        chatId: wireId(chatId),
        messageId: wireMessageId(input.messageId),
        count,
        reaction: reaction || undefined,
        marker,
      })
      return {
        ...(publicValue(reply) as Record<string, unknown>),
        reactions: asMaps(reply.reactions)
          .filter(({ userId }) => asIdString(userId) !== undefined)
          .map((row) => publicValue(row)),
        reactionInfo: reactionInfo(reply.reactionInfo),
      }
    },
  }),
}
