import { z } from 'zod'
import {
  exampleProfile,
  profileOf,
  profileOutput,
  publicProfile,
  updateProfile,
} from '../account-profile.ts'
import { GatewayError } from '../errors.ts'
import { idInput, publicValue } from '../ids.ts'
import { Opcode } from '../opcodes.ts'
import { usersByIds } from '../people.ts'
import { privacyFromMax, privacyInput, privacyToMax } from '../privacy.ts'
import type { SessionPort } from '../session-port.ts'
import { asMap, asMaps, asNumber, asString, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** `profileOptions` of LOGIN (wire-and-auth.md §6.4). */
const ProfileOption = { verified: 1, password: 2, email: 3, hint: 4 } as const

const privacyOutput = z.looseObject({
  privacy: z.looseObject({}).describe('`null` for what MAX has not told'),
  settings: z.looseObject({}).describe("All settings under MAX's own names"),
})
const examplePrivacy = {
  privacy: {
    searchByPhone: 'CONTACTS',
    incomingCalls: 'ALL',
    chatInvites: null,
    phoneNumber: 'NOBODY',
    hideOnline: true,
    readMarks: null,
    transcription: null,
    unsafeFiles: null,
    inactiveTtl: '6M',
  },
  settings: {
    SEARCH_BY_PHONE: 'CONTACTS',
    INCOMING_CALL: 'ALL',
    PHONE_NUMBER_PRIVACY: 'NOBODY',
    HIDDEN: true,
    INACTIVE_TTL: '6M',
  },
}

const publicPrivacy = (session: SessionPort): z.output<typeof privacyOutput> => {
  const settings = session.account.settings()
  return {
    privacy: privacyFromMax(settings),
    settings: publicValue(settings) as Record<string, unknown>,
  }
}

export const accountOperations = {
  getProfile: operation({
    method: 'GET',
    path: '/account/profile',
    scope: 'tenant',
    summary: 'Profile of the own account',
    description:
      'As MAX told it at the login and by its updates since: nothing is asked of MAX, and an offline ' +
      'session answers too.',
    input: z.object({}),
    output: profileOutput,
    example: { input: {}, output: exampleProfile },
    errors: ['LOGIN_REQUIRED'],
    run: async (session) => publicProfile(profileOf(session)),
  }),
  updateProfile: operation({
    method: 'POST',
    path: '/account/profile/update',
    scope: 'tenant',
    summary: 'Change name or description of the own account',
    description:
      'What is left out stays as it is; `lastName: ""` and `description: ""` clear. MAX refuses a ' +
      'public `link` for personal accounts, so it cannot be set.',
    online: true,
    input: z.object({
      firstName: z.string().trim().min(1).max(64).optional(),
      lastName: z.string().trim().max(64).optional(),
      description: z.string().max(400).optional().describe('Up to 400 characters'),
    }),
    output: profileOutput,
    example: { input: { lastName: 'Smith' }, output: exampleProfile },
    errors: [...maxErrors, 'LOGIN_REQUIRED'],
    run: async (session, input) => {
      if (Object.values(input).every((value) => value === undefined)) {
        throw new GatewayError('INVALID_INPUT', 'firstName, lastName or description is required', {
          field: 'firstName',
        })
      }
      return updateProfile(session, input)
    },
  }),
  removeProfilePhoto: operation({
    method: 'POST',
    path: '/account/photo/remove',
    scope: 'tenant',
    summary: 'Remove a profile photo',
    description:
      'Without `photoId` the one that shows. The one before it shows then, if there is one.',
    online: true,
    input: z.object({
      photoId: idInput.optional().describe('As `/contact/photos` lists them'),
    }),
    output: profileOutput,
    example: { input: {}, output: exampleProfile },
    errors: [...maxErrors, 'NOT_FOUND', 'LOGIN_REQUIRED'],
    run: async (session, input) => {
      const shown = publicValue(asMap(profileOf(session).contact).photoId)
      const photoId = input.photoId ?? (shown as number | string | undefined)
      if (!photoId) throw new GatewayError('NOT_FOUND', 'The account has no profile photo')
      await session.call(Opcode.REMOVE_CONTACT_PHOTO, { photoId: wireId(photoId) })
      // MAX tells other sessions only: what shows now has to be asked for.
      const [contact] = await usersByIds(session, [session.userId])
      if (contact) session.account.keepProfile({ contact })
      return publicProfile(profileOf(session))
    },
  }),
  getPrivacy: operation({
    method: 'GET',
    path: '/account/privacy',
    scope: 'tenant',
    summary: 'Privacy settings of the account',
    description: 'As MAX told them at the login and by its updates since; nothing is asked of MAX.',
    input: z.object({}),
    output: privacyOutput,
    example: { input: {}, output: examplePrivacy },
    errors: ['LOGIN_REQUIRED'],
    run: async (session) => {
      profileOf(session)
      return publicPrivacy(session)
    },
  }),
  updatePrivacy: operation({
    method: 'POST',
    path: '/account/privacy/update',
    scope: 'tenant',
    summary: 'Change privacy settings',
    description: 'What is left out stays as it is. Answers with all settings as they are now.',
    online: true,
    input: z.object(privacyInput),
    output: privacyOutput,
    example: {
      input: { searchByPhone: 'CONTACTS', hideOnline: true },
      output: examplePrivacy,
    },
    errors: maxErrors,
    run: async (session, input) => {
      const user = privacyToMax(input)
      if (Object.keys(user).length === 0) {
        throw new GatewayError('INVALID_INPUT', 'at least one setting is required', {
          field: 'searchByPhone',
        })
      }
      const reply = await session.call(Opcode.CONFIG, { settings: { user } })
      session.account.keepSettings({ ...user, ...asMap(reply.user) }, asString(reply.hash))
      return publicPrivacy(session)
    },
  }),
  listSessions: operation({
    method: 'GET',
    path: '/account/sessions',
    scope: 'tenant',
    summary: 'Devices on which the account is logged in',
    description:
      'MAX gives them no id, so a single one cannot be closed. `current` is this gateway.',
    online: true,
    input: z.object({}),
    output: z.looseObject({ sessions: z.array(z.looseObject({})), count: z.number() }),
    example: {
      input: {},
      output: {
        sessions: [
          {
            client: 'MAX WEB',
            info: 'Linux, Chrome',
            location: 'Москва, Россия',
            time: 1790000000000,
            current: true,
          },
        ],
        count: 1,
      },
    },
    errors: maxErrors,
    run: async (session) => {
      const reply = await session.call(Opcode.SESSIONS_INFO, {})
      const sessions = asMaps(reply.sessions).map(
        (each) => publicValue(each) as Record<string, unknown>,
      )
      return { sessions, count: sessions.length }
    },
  }),
  closeOtherSessions: operation({
    method: 'POST',
    path: '/account/sessions/closeothers',
    scope: 'tenant',
    summary: 'Log the account out everywhere else',
    description:
      'Phones and browsers included. MAX hands out a new login token, which the gateway keeps in ' +
      'place of the old one. MAX may refuse this to a session that is less than a day old.',
    online: true,
    input: z.object({}),
    output: z.looseObject({ message: z.string() }),
    example: { input: {}, output: { message: 'Other sessions closed' } },
    errors: maxErrors,
    run: async (session) => {
      const token = asString((await session.call(Opcode.SESSIONS_CLOSE, {})).token)
      if (token !== undefined) await session.account.replaceToken(token)
      return { message: 'Other sessions closed' }
    },
  }),
  getTwoFactor: operation({
    method: 'GET',
    path: '/account/2fa',
    scope: 'tenant',
    summary: 'Whether the account has a cloud password',
    description:
      'As MAX told at the login and by its updates since. The password, its hint and its e-mail ' +
      'address can be changed in the MAX app only; neither address nor hint is told here.',
    input: z.object({}),
    output: z.looseObject({
      enabled: z.boolean(),
      hasEmail: z.boolean().describe('An e-mail address for recovery is set'),
      hasHint: z.boolean(),
      verified: z.boolean().describe('The account is verified by ESIA'),
      profileOptions: z.array(z.number()).describe("MAX's own marks"),
    }),
    example: {
      input: {},
      output: {
        enabled: true,
        hasEmail: false,
        hasHint: true,
        verified: false,
        profileOptions: [2, 4],
      },
    },
    errors: ['LOGIN_REQUIRED'],
    run: async (session) => {
      const told = profileOf(session).profileOptions
      const profileOptions = (Array.isArray(told) ? told : []).flatMap(
        (value) => asNumber(value) ?? [],
      )
      const has = (option: number): boolean => profileOptions.includes(option)
      return {
        enabled: has(ProfileOption.password),
        hasEmail: has(ProfileOption.email),
        hasHint: has(ProfileOption.hint),
        verified: has(ProfileOption.verified),
        profileOptions,
      }
    },
  }),
}
