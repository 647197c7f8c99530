import { z } from 'zod'
import {
  changedChat,
  chatById,
  chatId,
  permissionsIn,
  roleIn,
  updateMembers,
  userIds,
  writeErrors,
} from '../chats.ts'
import { markerInput, nextCursor, nextCursorOf } from '../cursor.ts'
import { group, inGroup, person } from '../example-chats.ts'
import { type IdValue, publicValue } from '../ids.ts'
import { ChatModel, ContactModel } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { permissionMask, permissionNames } from '../permissions.ts'
import type { SessionPort } from '../session-port.ts'
import { asIdString, asMap, asMaps, type WireMap, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** Who is in a group or channel, and with which rights. */

/** Lists that MAX keeps of a chat (CHAT_MEMBERS, operations-and-events.md §3.6). */
const lists = {
  all: 'MEMBER',
  admin: 'ADMIN',
  blocked: 'BLOCKED_MEMBER',
  joinRequest: 'JOIN_REQUEST',
} as const

const MemberModel = z
  .looseObject({
    userId: z.union([z.number(), z.string()]),
    role: z.enum(['owner', 'admin', 'member', 'blocked', 'joinRequest']),
    permissions: z.array(z.string()).describe('Rights of owners and administrators by name'),
    contact: ContactModel,
  })
  .meta({ id: 'Member' })

const membersPage = z.looseObject({
  members: z.array(MemberModel),
  count: z.number().describe('How many are in this answer'),
  nextCursor,
})

const paging = {
  count: z.int().min(1).max(500).default(50).describe('How many to give, up to 500'),
  cursor: markerInput.optional(),
}

interface ListInput {
  chatId: IdValue
  role: keyof typeof lists
  query?: string | undefined
  count: number
  cursor?: IdValue | string | undefined
}

const listMembers = async (session: SessionPort, input: ListInput) => {
  // The list of members says nothing of roles: those are in the chat.
  const chat = await chatById(session, input.chatId)
  const reply = await session.call(Opcode.CHAT_MEMBERS, {
    chatId: wireId(input.chatId),
    type: lists[input.role],
    marker: input.cursor ?? 0,
    count: input.count,
    query: input.query || undefined,
  })
  const members = asMaps(reply.members).map((member) => publicMember(chat, member, input.role))
  return { members, count: members.length, nextCursor: nextCursorOf(reply.marker) }
}

const publicMember = (chat: WireMap, member: WireMap, list: keyof typeof lists) => {
  const id = asIdString(asMap(member.contact).id) ?? '0'
  const shown = publicValue(member) as z.output<typeof MemberModel>
  const isOutside = list === 'blocked' || list === 'joinRequest'
  return {
    ...shown,
    userId: shown.contact.id,
    role: isOutside ? list : roleIn(chat, id),
    permissions: isOutside ? [] : permissionsIn(chat, id),
  }
}

const exampleMember = {
  userId: person,
  role: 'admin',
  permissions: ['manageMembers', 'pinMessages'],
  contact: { id: person, names: [{ name: 'Bob', type: 'ONEME' }] },
  presence: { seen: 1790000000 },
  readMark: 1790000000123,
}

const permissions = z
  .union(
    [z.array(z.enum(permissionNames)).min(1), z.int().min(1).max(0x7fffffff)],
    `expected a list of ${permissionNames.join(', ')}`,
  )
  .transform((value) => (typeof value === 'number' ? value : permissionMask(value)))
  .describe(
    `Rights by name: ${permissionNames.join(', ')}; or the sum of MAX’s bits. ` +
      'postMessages, editMessages and deleteMessages are for channels',
  )

const changedAdmins = z.looseObject({
  message: z.string(),
  chat: ChatModel,
  admins: z.array(
    z.looseObject({
      userId: z.union([z.number(), z.string()]),
      permissions: z.array(z.string()),
    }),
  ),
})

/** The administrators of a chat with what they may do. */
const adminsOf = (chat: z.output<typeof ChatModel>) =>
  (chat.admins ?? []).map((userId) => ({
    userId,
    permissions: permissionsIn(chat as WireMap, String(userId)),
  }))

const personInGroup = { ...inGroup, userIds: [person] }

export const memberOperations = {
  listMembers: operation({
    method: 'POST',
    path: '/group/members',
    scope: 'tenant',
    summary: 'Members of a group or channel, in pages',
    description:
      'In a stable order: pass `nextCursor` back as `cursor` until it is `null`. `query` finds ' +
      'people by name. `blocked` and `joinRequest` are for administrators; the readers of a ' +
      'channel are shown to its administrators only.',
    reads: true,
    online: true,
    input: z.object({
      chatId,
      role: z
        .enum(['all', 'admin', 'blocked', 'joinRequest'])
        .default('all')
        .describe('Which list: everybody, administrators, the blocked, or who asks to join'),
      query: z.string().trim().max(200).optional().describe('Beginning of a name'),
      ...paging,
    }),
    output: membersPage,
    example: {
      input: { ...inGroup, count: 50 },
      output: { members: [exampleMember], count: 1, nextCursor: null },
    },
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: listMembers,
  }),
  addMembers: operation({
    method: 'POST',
    path: '/group/members/add',
    scope: 'tenant',
    summary: 'Add people to a group or channel',
    description:
      'Who is in already is passed over. MAX refuses people whose privacy settings forbid it.',
    online: true,
    input: z.object({
      chatId,
      userIds,
      showHistory: z.boolean().default(true).describe('Let them see what was written before'),
    }),
    output: changedChat,
    example: { input: personInGroup, output: { message: 'Members added', chat: group } },
    errors: writeErrors,
    run: async (session, { chatId, userIds, showHistory }) => ({
      message: 'Members added',
      chat: await updateMembers(session, chatId, userIds, { operation: 'add', showHistory }),
    }),
  }),
  removeMembers: operation({
    method: 'POST',
    path: '/group/members/remove',
    scope: 'tenant',
    summary: 'Remove people from a group or channel',
    description: 'Nobody can remove the owner, or with this oneself: see `POST /group/leave`.',
    online: true,
    input: z.object({
      chatId,
      userIds,
      cleanMessages: z.boolean().default(false).describe('Delete what they wrote there, too'),
    }),
    output: changedChat,
    example: {
      input: { ...personInGroup, cleanMessages: true },
      output: { message: 'Members removed', chat: group },
    },
    errors: writeErrors,
    run: async (session, { chatId, userIds, cleanMessages }) => ({
      message: 'Members removed',
      chat: await updateMembers(session, chatId, userIds, {
        operation: 'remove',
        // 0 keeps their messages, -1 takes all of them (§1.3).
        cleanMsgPeriod: cleanMessages ? -1 : 0,
      }),
    }),
  }),
  promoteMembers: operation({
    method: 'POST',
    path: '/group/admins/promote',
    scope: 'tenant',
    summary: 'Make members administrators, or change what administrators may do',
    description:
      'The given rights take the place of earlier ones. Nobody can give a right that they do not ' +
      'have. The answer reads the rights back from MAX.',
    online: true,
    input: z.object({ chatId, userIds, permissions }),
    output: changedAdmins,
    example: {
      input: { ...personInGroup, permissions: ['manageMembers', 'pinMessages'] },
      output: {
        message: 'Administrators updated',
        chat: group,
        admins: [{ userId: person, permissions: ['manageMembers', 'pinMessages'] }],
      },
    },
    errors: writeErrors,
    run: async (session, { chatId, userIds, permissions }) => {
      const change = { type: 'ADMIN', operation: 'add', permissions }
      const chat = await updateMembers(session, chatId, userIds, change)
      return { message: 'Administrators updated', chat, admins: adminsOf(chat) }
    },
  }),
  demoteMembers: operation({
    method: 'POST',
    path: '/group/admins/demote',
    scope: 'tenant',
    summary: 'Make administrators ordinary members',
    description: 'They stay in the chat. The owner cannot be demoted: see `POST /group/owner`.',
    online: true,
    input: z.object({ chatId, userIds }),
    output: changedAdmins,
    example: {
      input: personInGroup,
      output: { message: 'Administrators updated', chat: group, admins: [] },
    },
    errors: writeErrors,
    run: async (session, { chatId, userIds }) => {
      const change = { type: 'ADMIN', operation: 'remove' }
      const chat = await updateMembers(session, chatId, userIds, change)
      return { message: 'Administrators updated', chat, admins: adminsOf(chat) }
    },
  }),
  listJoinRequests: operation({
    method: 'GET',
    path: '/group/joinrequests',
    scope: 'tenant',
    summary: 'Who asks to be let into a group or channel',
    description: 'The same as `POST /group/members` with `role: joinRequest`.',
    online: true,
    input: z.object({ chatId, ...paging }),
    output: membersPage,
    example: {
      input: inGroup,
      output: {
        members: [{ ...exampleMember, role: 'joinRequest', permissions: [] }],
        count: 1,
        nextCursor: null,
      },
    },
    errors: [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'],
    run: (session, input) => listMembers(session, { ...input, role: 'joinRequest' }),
  }),
  acceptJoinRequests: operation({
    method: 'POST',
    path: '/group/joinrequests/accept',
    scope: 'tenant',
    summary: 'Let people in who asked to join',
    description: 'Needs the right `manageMembers`.',
    online: true,
    input: z.object({ chatId, userIds }),
    output: changedChat,
    example: { input: personInGroup, output: { message: 'Requests accepted', chat: group } },
    errors: writeErrors,
    run: async (session, { chatId, userIds }) => ({
      message: 'Requests accepted',
      chat: await updateMembers(session, chatId, userIds, joinRequest('add')),
    }),
  }),
  declineJoinRequests: operation({
    method: 'POST',
    path: '/group/joinrequests/decline',
    scope: 'tenant',
    summary: 'Turn down people who asked to join',
    description: 'Needs the right `manageMembers`. They may ask again.',
    online: true,
    input: z.object({ chatId, userIds }),
    output: changedChat,
    example: { input: personInGroup, output: { message: 'Requests declined', chat: group } },
    errors: writeErrors,
    run: async (session, { chatId, userIds }) => ({
      message: 'Requests declined',
      chat: await updateMembers(session, chatId, userIds, joinRequest('remove')),
    }),
  }),
}

const joinRequest = (operation: 'add' | 'remove'): WireMap => ({ type: 'JOIN_REQUEST', operation })
