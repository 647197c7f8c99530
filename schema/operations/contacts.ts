import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { type IdValue, publicValue } from '../ids.ts'
import { e164, phoneText } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import {
  findByPhones,
  LOOKUPS_AT_MOST,
  nobodyHas,
  person,
  publicUser,
  resolvePerson,
  UserModel,
  usersByIds,
} from '../people.ts'
import type { SessionPort } from '../session-port.ts'
import { asMap, asMaps, asNumber, type WireMap, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

const firstName = z.string().trim().min(1).max(64).describe('Your name for them')
const lastName = z.string().trim().max(64).describe('Part of your name for them')

const exampleContact = {
  id: 240000035,
  accountStatus: 0,
  names: [
    { name: 'Bob Miller', firstName: 'Bob', lastName: 'Miller', type: 'ONEME' },
    { name: 'Bob (work)', firstName: 'Bob', lastName: '(work)', type: 'CUSTOM' },
  ],
  options: ['TT', 'ONEME'],
  phone: 79990000002,
  baseUrl: '',
  baseRawUrl: '',
  photoId: 0,
  description: '',
  gender: 0,
  link: '',
  updateTime: 1790000000000,
  webApp: '',
  avatarUrl: '',
}

const errors = [...maxErrors, 'NOT_FOUND'] as const
const changed = z.looseObject({
  message: z.string(),
  userId: z.union([z.number(), z.string()]),
  contact: UserModel.describe('As MAX has the person now'),
})

type Action = 'ADD' | 'UPDATE' | 'REMOVE' | 'BLOCK' | 'UNBLOCK'

/**
 * CONTACT_UPDATE, and the contact as it is afterwards. MAX tells the change to other sessions only, so
 * the list of this one is brought up to date here (operations-and-events.md §3.5).
 */
const change = async (
  session: SessionPort,
  id: IdValue,
  action: Action,
  names: { firstName?: string | undefined; lastName?: string | undefined } = {},
): Promise<{ userId: unknown; contact: z.output<typeof UserModel> }> => {
  const reply = await session.call(Opcode.CONTACT_UPDATE, {
    contactId: wireId(id),
    action,
    ...names,
  })
  if (action === 'REMOVE') session.account.dropContact(id)
  const contact = asNumber(asMap(reply.contact).id) ? asMap(reply.contact) : await one(session, id)
  // A stranger becomes no contact by being blocked or unblocked.
  const isListed = action === 'ADD' || action === 'UPDATE' || session.account.isContact(id)
  if (isListed) session.account.keepContact(contact)
  return { userId: publicValue(id), contact: publicUser(contact) }
}

const one = async (session: SessionPort, id: IdValue): Promise<WireMap> => {
  const [contact] = await usersByIds(session, [id])
  if (contact === undefined) throw new GatewayError('NOT_FOUND', 'MAX knows no such user')
  return contact
}

export const contactOperations = {
  addContact: operation({
    method: 'POST',
    path: '/contact/add',
    scope: 'tenant',
    summary: 'Add somebody to the contacts',
    description: 'By id or phone number, under a name of yours if you give one.',
    creates: true,
    online: true,
    input: z.object({
      ...person,
      firstName: firstName.optional(),
      lastName: lastName.optional(),
    }),
    output: changed,
    example: {
      input: { phone: '+79990000002', firstName: 'Bob', lastName: '(work)' },
      output: { message: 'Contact added', userId: 240000035, contact: exampleContact },
    },
    errors,
    run: async (session, { firstName, lastName, ...who }) => ({
      message: 'Contact added',
      ...(await change(session, await resolvePerson(session, who), 'ADD', { firstName, lastName })),
    }),
  }),
  removeContact: operation({
    method: 'POST',
    path: '/contact/remove',
    scope: 'tenant',
    summary: 'Remove somebody from the contacts',
    description: 'The dialog with them stays. Removing who is no contact changes nothing.',
    online: true,
    input: z.object(person),
    output: changed,
    example: {
      input: { userId: 240000035 },
      output: { message: 'Contact removed', userId: 240000035, contact: exampleContact },
    },
    errors,
    run: async (session, input) => ({
      message: 'Contact removed',
      ...(await change(session, await resolvePerson(session, input), 'REMOVE')),
    }),
  }),
  renameContact: operation({
    method: 'POST',
    path: '/contact/rename',
    scope: 'tenant',
    summary: 'Give a contact a name of yours',
    description:
      'Nobody else sees it. It stands in `names` as type `CUSTOM`, beside their own name.',
    online: true,
    input: z.object({ ...person, firstName, lastName: lastName.default('') }),
    output: changed,
    example: {
      input: { userId: 240000035, firstName: 'Bob', lastName: '(work)' },
      output: { message: 'Contact renamed', userId: 240000035, contact: exampleContact },
    },
    errors,
    run: async (session, { firstName, lastName, ...who }) => {
      const names = { firstName, lastName }
      return {
        message: 'Contact renamed',
        ...(await change(session, await resolvePerson(session, who), 'UPDATE', names)),
      }
    },
  }),
  blockContact: operation({
    method: 'POST',
    path: '/contact/block',
    scope: 'tenant',
    summary: 'Block somebody',
    description: 'They can no longer write to you. Works for strangers as well.',
    online: true,
    input: z.object(person),
    output: changed,
    example: {
      input: { userId: 240000035 },
      output: {
        message: 'User blocked',
        userId: 240000035,
        contact: { ...exampleContact, status: 'BLOCKED' },
      },
    },
    errors,
    run: async (session, input) => ({
      message: 'User blocked',
      ...(await change(session, await resolvePerson(session, input), 'BLOCK')),
    }),
  }),
  unblockContact: operation({
    method: 'POST',
    path: '/contact/unblock',
    scope: 'tenant',
    summary: 'Let somebody write again',
    description: 'Unblocking who is not blocked changes nothing.',
    online: true,
    input: z.object(person),
    output: changed,
    example: {
      input: { userId: 240000035 },
      output: { message: 'User unblocked', userId: 240000035, contact: exampleContact },
    },
    errors,
    run: async (session, input) => ({
      message: 'User unblocked',
      ...(await change(session, await resolvePerson(session, input), 'UNBLOCK')),
    }),
  }),
  listBlocked: operation({
    method: 'GET',
    path: '/contact/blocked',
    scope: 'tenant',
    summary: 'Whom the account has blocked',
    description:
      'A page. When `hasMore` is true, go on with `from` = `from` + `count` of the answer.',
    online: true,
    input: z.object({
      from: z.int().min(0).max(1_000_000).default(0).describe('How many to skip'),
      count: z.int().min(1).max(100).default(100).describe('Page size'),
    }),
    output: z.looseObject({
      contacts: z.array(UserModel),
      count: z.number(),
      from: z.number(),
      hasMore: z.boolean(),
    }),
    example: {
      input: { count: 50 },
      output: {
        contacts: [{ ...exampleContact, status: 'BLOCKED' }],
        count: 1,
        from: 0,
        hasMore: false,
      },
    },
    errors: maxErrors,
    run: async (session, { from, count }) => {
      const reply = await session.call(Opcode.CONTACT_LIST, { status: 'BLOCKED', from, count })
      const contacts = asMaps(reply.contacts).map(publicUser)
      // MAX does not say whether more follow: a full page means that they may.
      return { contacts, count: contacts.length, from, hasMore: contacts.length === count }
    },
  }),
  getContact: operation({
    method: 'POST',
    path: '/contact/info',
    scope: 'tenant',
    summary: 'One person, by id or phone number',
    reads: true,
    online: true,
    input: z.object(person),
    output: z.looseObject({ contact: UserModel, isContact: z.boolean() }),
    description: '`isContact` tells whether the person is in the contact list.',
    example: {
      input: { userId: 240000035 },
      output: { contact: exampleContact, isContact: true },
    },
    errors,
    run: async (session, input) => {
      const id = await resolvePerson(session, input)
      const contact = publicUser(await one(session, id))
      return { contact, isContact: session.account.isContact(id) }
    },
  }),
  findByPhone: operation({
    method: 'POST',
    path: '/contact/byphone',
    scope: 'tenant',
    summary: 'Find people by phone number',
    description:
      'One number answers with `contact`, and NOT_FOUND when nobody can be found by it. A list (up ' +
      `to ${LOOKUPS_AT_MOST}) answers with \`results\` in its order, \`contact: null\` for a number ` +
      'that nobody has; the numbers are looked up one after another with a pause between them.',
    reads: true,
    online: true,
    input: z.object({
      phone: z
        .union([phoneText, z.array(phoneText).min(1).max(LOOKUPS_AT_MOST)])
        .describe('One number or a list, with or without the plus'),
    }),
    output: z.looseObject({
      contact: UserModel.optional(),
      results: z
        .array(z.looseObject({ phone: z.string(), contact: UserModel.nullable() }))
        .optional(),
    }),
    example: { input: { phone: '+79990000002' }, output: { contact: exampleContact } },
    errors,
    run: async (session, input) => {
      const given = Array.isArray(input.phone) ? input.phone : [input.phone]
      const found = await findByPhones(session, given.map(e164))
      const results = given.map((phone, index) => {
        const contact = found[index]
        return { phone, contact: contact === undefined ? null : publicUser(contact) }
      })
      if (Array.isArray(input.phone)) return { results }
      const contact = results[0]?.contact
      if (!contact) throw nobodyHas()
      return { contact }
    },
  }),
  importContacts: operation({
    method: 'POST',
    path: '/contact/import',
    scope: 'tenant',
    summary: 'Add a phone book to the contacts',
    description:
      'Up to 500 entries in one request of MAX. Who is on MAX and may be found by number becomes a ' +
      'contact under the given name; `contacts` has them. The numbers leave your hands: MAX gets all of them.',
    creates: true,
    online: true,
    input: z.object({
      contacts: z
        .array(z.object({ phone: phoneText, firstName, lastName: lastName.optional() }))
        .min(1)
        .max(500),
    }),
    output: z.looseObject({
      contacts: z.array(UserModel),
      count: z.number().describe('How many of the numbers became contacts'),
      phones: z.looseObject({}).describe("MAX's own word on each number"),
    }),
    example: {
      input: { contacts: [{ phone: '+79990000002', firstName: 'Bob' }] },
      output: { contacts: [exampleContact], count: 1, phones: { '+79990000002': 240000035 } },
    },
    errors: maxErrors,
    run: async (session, input) => {
      const contactList = Object.fromEntries(
        input.contacts.map(({ phone, firstName, lastName }) => [
          e164(phone),
          { firstName, lastName: lastName || undefined },
        ]),
      )
      const reply = await session.call(Opcode.SYNC, { contactList })
      const contacts = asMaps(reply.contacts)
      for (const contact of contacts) session.account.keepContact(contact)
      return {
        contacts: contacts.map(publicUser),
        count: contacts.length,
        phones: publicValue(asMap(reply.phones)) as Record<string, unknown>,
      }
    },
  }),
  listPhotos: operation({
    method: 'POST',
    path: '/contact/photos',
    scope: 'tenant',
    summary: 'Profile photos of a person',
    description: 'Newest first. `total` counts all of them; page with `from`.',
    reads: true,
    online: true,
    input: z.object({
      ...person,
      from: z.int().min(0).max(1_000_000).default(0).describe('How many to skip'),
      count: z.int().min(1).max(100).default(50).describe('Page size'),
    }),
    output: z.looseObject({
      photos: z.array(z.looseObject({ id: z.union([z.number(), z.string()]), url: z.string() })),
      count: z.number(),
      total: z.number(),
    }),
    example: {
      input: { userId: 240000035 },
      output: {
        photos: [{ id: 90000001, url: 'https://i.oneme.ru/i?r=EXAMPLE' }],
        count: 1,
        total: 1,
      },
    },
    errors,
    run: async (session, { from, count, ...who }) => {
      const contactId = wireId(await resolvePerson(session, who))
      const reply = await session.call(Opcode.CONTACT_PHOTOS, { contactId, count, from })
      const ids = listOf(reply.ids)
      const photos = listOf(reply.urls).map((url, index) => ({
        id: (publicValue(ids[index]) ?? '') as number | string,
        url: String(url),
      }))
      return { photos, count: photos.length, total: asNumber(reply.total) ?? photos.length }
    },
  }),
}

const listOf = (value: WireMap[string]): WireMap[string][] => (Array.isArray(value) ? value : [])
