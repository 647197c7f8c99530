import { z } from 'zod'
import {
  changedChat,
  chatById,
  chatId,
  chatOf,
  done,
  MUTED_FOREVER,
  writeErrors,
} from '../chats.ts'
import { GatewayError } from '../errors.ts'
import { dialog, group, inGroup } from '../example-chats.ts'
import type { IdValue } from '../ids.ts'
import { mutedUntil } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asNumber, asString, wireId } from '../wire.ts'
import { operation } from './define.ts'

/** What the account does with a chat as a whole, mostly in its own view of it. */

const confirm = z
  .literal(true, 'this cannot be undone: send "confirm": true')
  .describe('Must be `true`: this cannot be undone')
const forAll = z.boolean().default(false).describe('Not for the account alone')

/** CHAT_DELETE and CHAT_CLEAR want to know up to which moment (operations-and-events.md §3.6). */
const wholeChat = async (
  session: SessionPort,
  opcode: typeof Opcode.CHAT_DELETE | typeof Opcode.CHAT_CLEAR,
  input: { chatId: IdValue; forAll: boolean },
): Promise<void> => {
  const chat = await chatById(session, input.chatId)
  await session.call(opcode, {
    chatId: wireId(input.chatId),
    lastEventTime: asNumber(chat.lastEventTime) ?? session.now(),
    forAll: input.forAll,
  })
}

/** Other settings of the chat stay as they are. */
const mute = async (session: SessionPort, id: IdValue, until: number): Promise<void> => {
  const chats = { [String(id)]: { dontDisturbUntil: until } }
  const reply = await session.call(Opcode.CONFIG, { settings: { chats } })
  session.account.keepChatSettings(chats)
  session.account.keepSettings({}, asString(reply.hash))
}

export const chatActionOperations = {
  removeChat: operation({
    method: 'POST',
    path: '/chat/remove',
    scope: 'tenant',
    summary: 'Delete a chat with its history',
    description:
      'A dialog goes out of the account’s list; with `forAll` it is emptied for the other person ' +
      'too. With `forAll` in a group or channel the account leaves, and the chat stays for the others.',
    online: true,
    input: z.object({ chatId, forAll, confirm }),
    output: done,
    example: {
      input: { chatId: dialog.id, confirm: true },
      output: { message: 'Chat removed' },
    },
    errors: writeErrors,
    run: async (session, input) => {
      await wholeChat(session, Opcode.CHAT_DELETE, input)
      return { message: 'Chat removed' }
    },
  }),
  clearChat: operation({
    method: 'POST',
    path: '/chat/clear',
    scope: 'tenant',
    summary: 'Delete the history of a chat, but not the chat',
    description: 'With `forAll` for everybody in it; in a group that takes `deleteMessages`.',
    online: true,
    input: z.object({ chatId, forAll, confirm }),
    output: done,
    example: {
      input: { chatId: dialog.id, confirm: true },
      output: { message: 'Chat cleared' },
    },
    errors: writeErrors,
    run: async (session, input) => {
      await wholeChat(session, Opcode.CHAT_CLEAR, input)
      return { message: 'Chat cleared' }
    },
  }),
  hideChat: operation({
    method: 'POST',
    path: '/chat/hide',
    scope: 'tenant',
    summary: 'Take a chat out of the list until somebody writes',
    description: 'Nothing is deleted.',
    online: true,
    input: z.object({ chatId }),
    output: done,
    example: { input: inGroup, output: { message: 'Chat hidden' } },
    errors: writeErrors,
    run: async (session, { chatId }) => {
      await session.call(Opcode.CHAT_HIDE, { chatId: wireId(chatId) })
      return { message: 'Chat hidden' }
    },
  }),
  muteChat: operation({
    method: 'POST',
    path: '/chat/mute',
    scope: 'tenant',
    summary: 'No notifications of a chat on the account’s devices',
    description:
      'For ever, or until a time: `mutedUntil` of the chat says so. Events still go to your webhook.',
    online: true,
    input: z.object({
      chatId,
      until: z
        .union([z.literal('forever'), z.int().min(1)])
        .default('forever')
        .describe('Unix ms in the future, or `forever`'),
    }),
    output: z.looseObject({ message: z.string(), mutedUntil }),
    example: {
      input: { ...inGroup, until: 1890000000000 },
      output: { message: 'Chat muted', mutedUntil: 1890000000000 },
    },
    errors: writeErrors,
    run: async (session, { chatId, until }) => {
      if (until !== 'forever' && until <= session.now()) {
        throw new GatewayError('INVALID_INPUT', 'until: expected a time in the future, in ms', {
          field: 'until',
        })
      }
      await mute(session, chatId, until === 'forever' ? MUTED_FOREVER : until)
      return { message: 'Chat muted', mutedUntil: until }
    },
  }),
  unmuteChat: operation({
    method: 'POST',
    path: '/chat/unmute',
    scope: 'tenant',
    summary: 'Notifications of a chat again',
    description: 'Also of one that was muted until a time.',
    online: true,
    input: z.object({ chatId }),
    output: done,
    example: { input: inGroup, output: { message: 'Chat unmuted' } },
    errors: writeErrors,
    run: async (session, { chatId }) => {
      await mute(session, chatId, 0)
      return { message: 'Chat unmuted' }
    },
  }),
  subscribeChat: operation({
    method: 'POST',
    path: '/chat/subscribe',
    scope: 'tenant',
    summary: 'Get to know who is typing in a chat',
    description:
      'MAX sends `Typing` events of a chat only for about a minute after this: ask again each minute ' +
      'for as long as you want them. Messages and reads come without it.',
    online: true,
    input: z.object({
      chatId,
      subscribe: z.boolean().default(true).describe('`false` ends it'),
    }),
    output: done,
    example: { input: inGroup, output: { message: 'Subscribed' } },
    errors: writeErrors,
    run: async (session, { chatId, subscribe }) => {
      await session.call(Opcode.CHAT_SUBSCRIBE, { chatId: wireId(chatId), subscribe })
      return { message: subscribe ? 'Subscribed' : 'Unsubscribed' }
    },
  }),
  showPinBar: operation({
    method: 'POST',
    path: '/chat/pinbar',
    scope: 'tenant',
    summary: 'Show or hide the bar with the pinned message',
    description: 'For the account alone. The message stays pinned.',
    online: true,
    input: z.object({ chatId, show: z.boolean().describe('`false` hides it') }),
    output: changedChat,
    example: {
      input: { ...inGroup, show: false },
      output: { message: 'Pin bar hidden', chat: { ...group, hidePinnedMessage: true } },
    },
    errors: writeErrors,
    run: async (session, { chatId, show }) => {
      const payload = { chatId: wireId(chatId), show }
      const reply = await session.call(Opcode.CHAT_PIN_SET_VISIBILITY, payload)
      return {
        message: show ? 'Pin bar shown' : 'Pin bar hidden',
        chat: await chatOf(session, reply, chatId),
      }
    },
  }),
}
