import { z } from 'zod'
import { chatId, writeErrors } from '../chats.ts'
import { GatewayError } from '../errors.ts'
import { inGroup } from '../example-chats.ts'
import { type IdValue, publicValue } from '../ids.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asMap, isWireMap, type WireMap, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** Which reactions a group or channel takes (operations-and-events.md §3.3). */

const emojis = z.array(z.string().min(1).max(32)).max(200)
const settings = z.looseObject({
  settings: z
    .looseObject({})
    .describe(
      'As MAX has it: `isActive`, `count`, `included`, `reactionIds` …; {} = all reactions',
    ),
})

/** The settings of one chat in an answer about several. */
const settingsIn = (reply: WireMap, id: IdValue) => {
  const all = reply.chatReactionsSettings
  const own = asMap(all)[String(id)]
  return publicValue(isWireMap(own) ? own : {}) as Record<string, unknown>
}

const read = async (session: SessionPort, id: IdValue) =>
  settingsIn(
    await session.call(Opcode.REACTIONS_SETTINGS_GET_BY_CHAT_ID, { chatIds: [wireId(id)] }),
    id,
  )

const example = {
  isActive: true,
  count: 3,
  included: true,
  reactionIds: ['👍', '❤️'],
  updateTime: 1790000000123,
}

export const chatReactionOperations = {
  getReactionSettings: operation({
    method: 'GET',
    path: '/chat/reactionsettings',
    scope: 'tenant',
    summary: 'Which reactions a group or channel takes',
    description:
      '`included` tells whether `reactionIds` are the only ones taken, or the ones refused.',
    online: true,
    input: z.object({ chatId }),
    output: settings,
    example: { input: inGroup, output: { settings: example } },
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: async (session, { chatId }) => ({ settings: await read(session, chatId) }),
  }),
  setReactionSettings: operation({
    method: 'POST',
    path: '/chat/reactionsettings',
    scope: 'tenant',
    summary: 'Choose which reactions a group or channel takes',
    description:
      'Only some (`allowed`), all but some (`refused`), none (`enabled: false`), or whatever MAX does ' +
      'by itself (`reset: true`). The choice takes the place of the earlier one.',
    online: true,
    input: z.object({
      chatId,
      enabled: z.boolean().default(true).describe('`false`: no reactions at all'),
      allowed: emojis.optional().describe('The only emoji that are taken'),
      refused: emojis.optional().describe('Emoji that are not taken; instead of `allowed`'),
      max: z.int().min(1).max(8).default(8).describe('Different emoji on one message'),
      reset: z.boolean().default(false).describe('Forget the choice'),
    }),
    output: settings,
    example: {
      input: { ...inGroup, allowed: ['👍', '❤️'], max: 3 },
      output: { settings: example },
    },
    errors: writeErrors,
    run: async (session, { chatId, enabled, allowed, refused, max, reset }) => {
      if (allowed !== undefined && refused !== undefined) {
        throw new GatewayError('INVALID_INPUT', 'either allowed or refused, not both', {
          field: 'refused',
        })
      }
      const choice = {
        value: enabled,
        count: max,
        included: allowed !== undefined,
        reactionIds: allowed ?? refused ?? [],
      }
      const reply = await session.call(Opcode.CHAT_REACTIONS_SETTINGS_SET, {
        chatId: wireId(chatId),
        ...(reset ? { reset: true } : choice),
      })
      const told = settingsIn(reply, chatId)
      const isTold = Object.keys(told).length > 0
      return { settings: isTold ? told : await read(session, chatId) }
    },
  }),
}
