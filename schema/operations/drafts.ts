import { z } from 'zod'
import { messageIdInput, publicValue } from '../ids.ts'
import { resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { asNumber, wireId, wireMessageId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

const chatId = z.union([z.number(), z.string()])
const errors = [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'] as const

/** Drafts: what a person has begun to write, as their other devices show it. */
export const draftOperations = {
  saveDraft: operation({
    method: 'POST',
    path: '/chat/draft/save',
    scope: 'tenant',
    summary: 'Keep an unsent text in a chat',
    description:
      "The account's other devices show it in the chat's input field. A chat has one draft: a newer " +
      'one replaces it. `time` of the answer names this draft to `/chat/draft/discard`.',
    online: true,
    input: z.object({
      ...target,
      text: z.string().min(1).max(4000).describe('Up to 4000 characters'),
      replyTo: messageIdInput.optional().describe('Message that the draft answers'),
    }),
    output: z.looseObject({ message: z.string(), chatId, time: z.number() }),
    example: {
      input: { chatId: 157880882, text: 'Hello' },
      output: { message: 'Draft saved', chatId: 157880882, time: 1790000000123 },
    },
    errors,
    run: async (session, input) => {
      const id = await resolveChat(session, input)
      const reply = await session.call(Opcode.DRAFT_SAVE, {
        chatId: wireId(id),
        draft: {
          text: input.text,
          elements: [],
          attaches: [],
          link:
            input.replyTo === undefined || input.replyTo === '0'
              ? undefined
              : { type: 'REPLY', messageId: wireMessageId(input.replyTo) },
        },
      })
      return {
        message: 'Draft saved',
        chatId: publicValue(id) as number | string,
        time: asNumber(reply.time) ?? session.now(),
      }
    },
  }),
  discardDraft: operation({
    method: 'POST',
    path: '/chat/draft/discard',
    scope: 'tenant',
    summary: 'Drop the draft of a chat',
    description: 'A draft that was saved after `time` stays.',
    online: true,
    input: z.object({
      ...target,
      time: z.int().min(0).optional().describe('`time` of the draft, Unix ms; default: now'),
    }),
    output: z.looseObject({ message: z.string(), chatId }),
    example: {
      input: { chatId: 157880882, time: 1790000000123 },
      output: { message: 'Draft discarded', chatId: 157880882 },
    },
    errors,
    run: async (session, input) => {
      const id = await resolveChat(session, input)
      const time = input.time ?? session.now()
      await session.call(Opcode.DRAFT_DISCARD, { chatId: wireId(id), time })
      return { message: 'Draft discarded', chatId: publicValue(id) as number | string }
    },
  }),
}
