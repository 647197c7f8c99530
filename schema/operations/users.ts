import { z } from 'zod'
import { publicChat } from '../chats.ts'
import { GatewayError } from '../errors.ts'
import { idInput, publicValue } from '../ids.ts'
import { ChatModel, e164, phoneText } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import {
  avatarOf,
  findByPhones,
  LOOKUPS_AT_MOST,
  nameOf,
  person,
  publicUser,
  resolvePerson,
  USERS_PER_CALL,
  UserModel,
  userIdInput,
  usersByIds,
} from '../people.ts'
import { asMaps, asNumber, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

const unknownUser = (): GatewayError => new GatewayError('NOT_FOUND', 'MAX knows no such user')

const exampleUser = {
  id: 240000035,
  accountStatus: 0,
  names: [{ name: 'Bob Miller', firstName: 'Bob', lastName: 'Miller', type: 'ONEME' }],
  options: ['TT', 'ONEME'],
  baseUrl: 'https://i.oneme.ru/i?r=EXAMPLE',
  baseRawUrl: 'https://i.oneme.ru/i?r=EXAMPLEraw',
  photoId: 90000001,
  description: '',
  gender: 1,
  link: '',
  updateTime: 1790000000000,
  webApp: '',
  avatarUrl: 'https://i.oneme.ru/i?r=EXAMPLEraw',
}

/** The original's operations on people; its field names and shapes. */
export const userOperations = {
  listContacts: operation({
    method: 'GET',
    path: '/user/contacts',
    scope: 'tenant',
    summary: 'Contacts of the account',
    description:
      'Everybody in the contact list as MAX told last: at the login and by its updates since. ' +
      'Nothing is asked of MAX, so calling this often costs nothing.',
    online: true,
    input: z.object({}),
    output: z.looseObject({ contacts: z.array(UserModel), count: z.number() }),
    example: { input: {}, output: { contacts: [exampleUser], count: 1 } },
    run: async (session) => {
      const contacts = session.account.contacts().map(publicUser)
      return { contacts, count: contacts.length }
    },
  }),
  checkPhones: operation({
    method: 'POST',
    path: '/user/check',
    scope: 'tenant',
    summary: 'Which phone numbers are on MAX',
    description:
      `Up to ${LOOKUPS_AT_MOST} numbers, looked up one after another with a pause between them: ` +
      'MAX finds many look-ups at once too many. `exists: false` means that MAX said so (people may ' +
      'hide from strangers). Any other failure is an error, and `details.done` tells how many numbers ' +
      'were answered before it. Numbers come back as they were given.',
    reads: true,
    online: true,
    input: z.object({
      phone: z
        .union([phoneText, z.array(phoneText).min(1).max(LOOKUPS_AT_MOST)])
        .describe('One number or a list, with or without the plus'),
    }),
    output: z.looseObject({
      users: z.array(
        z.looseObject({
          phone: z.string(),
          exists: z.boolean(),
          maxUserId: z.number().describe('0 when nobody has the number'),
          name: z.string().optional(),
        }),
      ),
    }),
    example: {
      input: { phone: ['+79990000001', '79990000100'] },
      output: {
        users: [
          { phone: '+79990000001', exists: true, maxUserId: 240000035, name: 'Bob Miller' },
          { phone: '79990000100', exists: false, maxUserId: 0 },
        ],
      },
    },
    errors: maxErrors,
    run: async (session, input) => {
      const given = Array.isArray(input.phone) ? input.phone : [input.phone]
      const found = await findByPhones(session, given.map(e164))
      const users = given.map((phone, index) => {
        const contact = found[index]
        const name = contact && nameOf(contact)
        return {
          phone,
          exists: contact !== undefined,
          maxUserId: asNumber(contact?.id) ?? 0,
          ...(name === undefined ? {} : { name }),
        }
      })
      return { users }
    },
  }),
  getUsers: operation({
    method: 'POST',
    path: '/user/info',
    scope: 'tenant',
    summary: 'People by their ids',
    description:
      'In the order of the ids; whom MAX does not know is left out. With `userId`, the older form of ' +
      'this call, the answer also has the person as `user`, and an unknown id is NOT_FOUND.',
    reads: true,
    online: true,
    input: z.object({
      userIds: z
        .array(userIdInput)
        .min(1)
        .max(USERS_PER_CALL)
        .optional()
        .describe(`Up to ${USERS_PER_CALL}`),
      userId: userIdInput.optional().describe('One id; or give `userIds`'),
    }),
    output: z.looseObject({
      users: z.array(UserModel),
      count: z.number(),
      user: UserModel.optional(),
    }),
    example: { input: { userIds: [240000035] }, output: { users: [exampleUser], count: 1 } },
    errors: [...maxErrors, 'NOT_FOUND'],
    run: async (session, input) => {
      const ids = input.userIds ?? (input.userId === undefined ? undefined : [input.userId])
      if (ids === undefined) {
        throw new GatewayError('INVALID_INPUT', 'userIds is required', { field: 'userIds' })
      }
      const users = (await usersByIds(session, ids)).map(publicUser)
      if (input.userIds !== undefined) return { users, count: users.length }
      const [user] = users
      if (user === undefined) throw unknownUser()
      return { users, count: 1, user }
    },
  }),
  getAvatar: operation({
    method: 'POST',
    path: '/user/avatar',
    scope: 'tenant',
    summary: 'Address of a profile picture',
    description: 'Full size when MAX has it. `""` means that the person has no picture.',
    reads: true,
    online: true,
    input: z.object(person),
    output: z.looseObject({ avatarUrl: z.string() }),
    example: {
      input: { userId: 240000035 },
      output: { avatarUrl: 'https://i.oneme.ru/i?r=EXAMPLEraw' },
    },
    errors: [...maxErrors, 'NOT_FOUND'],
    run: async (session, input) => {
      const [user] = await usersByIds(session, [await resolvePerson(session, input)])
      if (user === undefined) throw unknownUser()
      return { avatarUrl: avatarOf(user) }
    },
  }),
  listCommonChats: operation({
    method: 'POST',
    path: '/user/commonchats',
    scope: 'tenant',
    summary: 'Groups and channels shared with somebody',
    description:
      'Chats that you share with all of the given people. When `hasMore` is true, call again with ' +
      'the `marker` of the answer.',
    reads: true,
    online: true,
    input: z.object({
      userIds: z.array(userIdInput).min(1).max(USERS_PER_CALL).optional(),
      userId: userIdInput.optional().describe('One id; or give `userIds`'),
      count: z.int().min(1).max(100).default(50),
      marker: idInput.optional().describe('`marker` of the page before'),
    }),
    output: z.looseObject({
      chats: z.array(ChatModel),
      count: z.number(),
      hasMore: z.boolean(),
      marker: z.unknown().optional(),
    }),
    example: {
      input: { userId: 240000035 },
      output: {
        chats: [{ id: -70000000000123, type: 'CHAT', title: 'Team' }],
        count: 1,
        hasMore: false,
      },
    },
    errors: [...maxErrors, 'NOT_FOUND'],
    run: async (session, input) => {
      const ids = input.userIds ?? (input.userId === undefined ? undefined : [input.userId])
      if (ids === undefined) {
        throw new GatewayError('INVALID_INPUT', 'userId is required', { field: 'userId' })
      }
      const reply = await session.call(Opcode.CHAT_SEARCH_COMMON_PARTICIPANTS, {
        userIds: ids.map(wireId),
        count: input.count,
        marker: input.marker === undefined ? undefined : wireId(input.marker),
      })
      const chats = asMaps(reply.commonChats).map((chat) => publicChat(session, chat))
      const marker = reply.hasMore === true ? publicValue(reply.marker) : undefined
      return {
        chats,
        count: chats.length,
        hasMore: reply.hasMore === true,
        ...(marker === undefined || marker === null ? {} : { marker }),
      }
    },
  }),
}
