import { z } from 'zod'
import { chatLink, wireLink } from '../chat-link.ts'
import { pageOfChats } from '../chat-pages.ts'
import {
  changedChat,
  chatById,
  chatDescription,
  chatId,
  chatOf,
  chatTitle,
  done,
  linkOf,
  type PublicChat,
  publicChat,
  publicPreview,
  resetLink,
  updateChat,
  updateMembers,
  userIds,
  writeErrors,
} from '../chats.ts'
import { GatewayError } from '../errors.ts'
import { channel, dialog, group, inGroup } from '../example-chats.ts'
import { type IdValue, idInput, narrow } from '../ids.ts'
import { ChatModel } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asIdString, asMap, isWireMap, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** The original's rows about groups (rest/contract.md §1.7, §1.8), and what belongs right beside them. */

/** MAX gives 26 to 50 chats a request: some thousand chats, and an end even for a strange server. */
const MAX_REQUESTS = 60

const allChats = async (session: SessionPort) => {
  const options = { limit: 3_000, maxRequests: MAX_REQUESTS }
  const { chats, nextCursor } = await pageOfChats(session, options)
  const ofType = (type: string): PublicChat[] =>
    chats.filter((chat) => chat.type === type).map((chat) => publicChat(session, chat))
  return { ofType, complete: nextCursor === null }
}

const complete = z
  .boolean()
  .describe('`false` with thousands of chats: page through `GET /chat/list` for the rest')

/** A group or channel is made by a message without a chat: one CONTROL attach (§3.1). */
const create = async (
  session: SessionPort,
  chatType: 'CHAT' | 'CHANNEL',
  input: { name: string; participants: IdValue[] },
): Promise<PublicChat> => {
  const control = {
    _type: 'CONTROL',
    event: 'new',
    chatType,
    title: input.name,
    userIds: input.participants.map(wireId),
  }
  const reply = await session.call(Opcode.MSG_SEND, {
    message: { cid: session.newCid(), attaches: [control] },
    notify: true,
  })
  const id = asIdString(asMap(reply.chat).id) ?? asIdString(reply.chatId)
  if (id === undefined) throw new GatewayError('BAD_UPSTREAM', 'MAX told nothing of the new chat')
  return chatOf(session, reply, narrow(BigInt(id)))
}

const participants = z
  .array(idInput)
  .max(500)
  .default([])
  .describe('MAX user ids of who is in it from the start, besides you')

export const groupOperations = {
  createGroup: operation({
    method: 'POST',
    path: '/group/create',
    scope: 'tenant',
    summary: 'Create a group',
    description:
      'The account becomes its owner. The group is private, with an invite link in `chat.link`. ' +
      'People whose privacy settings forbid it are refused by MAX.',
    creates: true,
    online: true,
    input: z.object({ name: chatTitle, participants }),
    output: z.looseObject({ chat: ChatModel }),
    example: {
      input: { name: 'Team', participants: [240000035] },
      output: { chat: group },
    },
    errors: writeErrors,
    run: async (session, input) => ({ chat: await create(session, 'CHAT', input) }),
  }),
  createChannel: operation({
    method: 'POST',
    path: '/channel/create',
    scope: 'tenant',
    summary: 'Create a channel',
    description:
      'The account becomes its owner. A channel begins private; `POST /group/link` gives it a ' +
      'public name. All `/group/…` operations take the id of a channel too.',
    creates: true,
    online: true,
    input: z.object({ name: chatTitle, participants }),
    output: z.looseObject({ chat: ChatModel }),
    example: { input: { name: 'News' }, output: { chat: channel } },
    errors: writeErrors,
    run: async (session, input) => ({ chat: await create(session, 'CHANNEL', input) }),
  }),
  listGroups: operation({
    method: 'GET',
    path: '/group/list',
    scope: 'tenant',
    summary: 'All groups and channels of the account',
    description:
      'Newest activity first, asked of MAX each time. `GET /chat/list` gives the same in pages.',
    online: true,
    input: z.object({}),
    output: z.looseObject({
      groups: z.array(ChatModel),
      channels: z.array(ChatModel),
      complete,
    }),
    example: { input: {}, output: { groups: [group], channels: [channel], complete: true } },
    errors: maxErrors,
    run: async (session) => {
      const chats = await allChats(session)
      const { complete } = chats
      return { groups: chats.ofType('CHAT'), channels: chats.ofType('CHANNEL'), complete }
    },
  }),
  listUserChats: operation({
    method: 'GET',
    path: '/user/chats',
    scope: 'tenant',
    summary: 'All dialogs, groups and channels of the account',
    description: 'Newest activity first. A dialog has no title: its name is the other person’s.',
    online: true,
    input: z.object({}),
    output: z.looseObject({
      dialogs: z.array(ChatModel),
      groups: z.array(ChatModel),
      channels: z.array(ChatModel),
      counts: z.object({ dialogs: z.number(), groups: z.number(), channels: z.number() }),
      complete,
    }),
    example: {
      input: {},
      output: {
        dialogs: [dialog],
        groups: [group],
        channels: [channel],
        counts: { dialogs: 1, groups: 1, channels: 1 },
        complete: true,
      },
    },
    errors: maxErrors,
    run: async (session) => {
      const chats = await allChats(session)
      const dialogs = chats.ofType('DIALOG')
      const groups = chats.ofType('CHAT')
      const channels = chats.ofType('CHANNEL')
      return {
        dialogs,
        groups,
        channels,
        counts: { dialogs: dialogs.length, groups: groups.length, channels: channels.length },
        complete: chats.complete,
      }
    },
  }),
  getGroup: operation({
    method: 'POST',
    path: '/group/info',
    scope: 'tenant',
    summary: 'A group, channel or dialog',
    description: '404 means that the account has no such chat, and nothing else.',
    reads: true,
    online: true,
    input: z.object({ chatId }),
    output: z.looseObject({ chat: ChatModel }),
    example: { input: inGroup, output: { chat: group } },
    errors: [...maxErrors, 'NOT_FOUND'],
    run: async (session, input) => ({
      chat: publicChat(session, await chatById(session, input.chatId)),
    }),
  }),
  getInviteLink: operation({
    method: 'POST',
    path: '/group/invitelink',
    scope: 'tenant',
    summary: 'The invite link of a group or channel',
    description:
      '`inviteLink` is "" where the account may not see it. `reset: true` makes a new private ' +
      'link, and the old one stops working.',
    online: true,
    input: z.object({
      chatId,
      reset: z.boolean().default(false).describe('Replace the private link by a new one'),
    }),
    output: z.looseObject({ inviteLink: z.string() }),
    example: { input: inGroup, output: { inviteLink: group.link } },
    errors: writeErrors,
    run: async (session, input) => ({
      inviteLink: input.reset
        ? await resetLink(session, input.chatId)
        : linkOf(await chatById(session, input.chatId)),
    }),
  }),
  joinGroup: operation({
    method: 'POST',
    path: '/group/join',
    scope: 'tenant',
    summary: 'Join a group or channel by its link',
    description:
      'Takes an invite link or a public link, with or without `https://max.ru/`. Where ' +
      'administrators let people in, `requested` is `true` and the account is not a member yet.',
    online: true,
    input: z.object({ link: chatLink }),
    output: z.looseObject({ chat: ChatModel, requested: z.boolean() }),
    example: {
      input: { link: 'https://max.ru/join/EXAMPLEtoken' },
      output: { chat: { ...group, myRole: 'member', myPermissions: [] }, requested: false },
    },
    errors: writeErrors,
    run: async (session, input) => {
      const reply = await session.call(Opcode.CHAT_JOIN, { link: wireLink(input.link) })
      if (!isWireMap(reply.chat)) {
        throw new GatewayError('BAD_UPSTREAM', 'MAX told nothing of the chat')
      }
      const requested = reply.chat.joinRequestTime !== undefined
      const chat = requested ? publicPreview(reply.chat) : publicChat(session, reply.chat)
      return { chat, requested }
    },
  }),
  leaveGroup: operation({
    method: 'POST',
    path: '/group/leave',
    scope: 'tenant',
    summary: 'Leave a group or channel',
    description: 'The others see that the account left. The chat goes out of its list.',
    online: true,
    input: z.object({ chatId }),
    output: done,
    example: { input: inGroup, output: { message: 'Left group' } },
    errors: writeErrors,
    run: async (session, input) => {
      await session.call(Opcode.CHAT_LEAVE, { chatId: wireId(input.chatId) })
      return { message: 'Left group' }
    },
  }),
  setGroupName: operation({
    method: 'POST',
    path: '/group/name',
    scope: 'tenant',
    summary: 'Rename a group or channel',
    description: 'An empty name is refused: a chat cannot be without one.',
    online: true,
    input: z.object({ chatId, name: chatTitle }),
    output: changedChat,
    example: {
      input: { ...inGroup, name: 'The team' },
      output: { message: 'Group name updated', chat: { ...group, title: 'The team' } },
    },
    errors: writeErrors,
    run: async (session, input) => ({
      message: 'Group name updated',
      chat: await updateChat(session, input.chatId, { theme: input.name }),
    }),
  }),
  setGroupTopic: operation({
    method: 'POST',
    path: '/group/topic',
    scope: 'tenant',
    summary: 'Change the description of a group or channel',
    description: 'The same as `POST /group/description`. An empty topic takes it away.',
    online: true,
    input: z.object({ chatId, topic: chatDescription }),
    output: changedChat,
    example: {
      input: { ...inGroup, topic: 'Where we talk' },
      output: {
        message: 'Group topic updated',
        chat: { ...group, description: 'Where we talk' },
      },
    },
    errors: writeErrors,
    run: async (session, input) => ({
      message: 'Group topic updated',
      chat: await updateChat(session, input.chatId, { description: input.topic }),
    }),
  }),
  updateParticipants: operation({
    method: 'POST',
    path: '/group/updateparticipants',
    scope: 'tenant',
    summary: 'Add people to a group or channel, or remove them',
    description:
      '`operation` is exactly `add` or `remove`. Who is added sees what was written before; what ' +
      'the removed wrote stays. `/group/members/add` and `/group/members/remove` let you choose.',
    online: true,
    input: z.object({
      chatId,
      userIds,
      operation: z
        .enum(['add', 'remove'], 'expected add or remove')
        .describe('What to do with them'),
    }),
    output: changedChat,
    example: {
      input: { ...inGroup, userIds: [240000035], operation: 'add' },
      output: { message: 'Participants updated', chat: group },
    },
    errors: writeErrors,
    run: async (session, { chatId, userIds, operation }) => ({
      message: 'Participants updated',
      chat: await updateMembers(session, chatId, userIds, {
        operation,
        ...(operation === 'add' ? { showHistory: true } : { cleanMsgPeriod: 0 }),
      }),
    }),
  }),
}
