import { z } from 'zod'
import { GatewayError } from './errors.ts'
import { publicValue } from './ids.ts'
import { Opcode } from './opcodes.ts'
import { avatarOf } from './people.ts'
import type { SessionPort } from './session-port.ts'
import { asMap, asMaps, asString, type WireMap } from './wire.ts'

const id = z.union([z.number(), z.string()])
export const profileOutput = z.looseObject({
  id,
  firstName: z.string(),
  lastName: z.string(),
  phone: z.string().describe('With the plus; `""` when MAX did not tell'),
  description: z.string(),
  link: z.string(),
  avatarUrl: z.string(),
  profile: z.looseObject({}).describe('All that MAX told'),
})

export const exampleProfile = {
  id: 120000017,
  firstName: 'Ann',
  lastName: 'Smith',
  phone: '+79990000000',
  description: '',
  link: '',
  avatarUrl: '',
  profile: {
    contact: {
      id: 120000017,
      names: [{ name: 'Ann Smith', firstName: 'Ann', lastName: 'Smith', type: 'ONEME' }],
      phone: 79990000000,
    },
    profileOptions: [2],
  },
}

/**
 * The profile of the account.
 * @throws {GatewayError} LOGIN_REQUIRED while there is no account.
 */
export const profileOf = (session: SessionPort): WireMap => {
  const profile = session.account.profile()
  if (profile === undefined) throw new GatewayError('LOGIN_REQUIRED')
  return profile
}

const ownName = (contact: WireMap): WireMap => {
  const all = asMaps(contact.names)
  return all.find(({ type }) => type === 'ONEME') ?? all[0] ?? {}
}

export const publicProfile = (profile: WireMap): z.output<typeof profileOutput> => {
  const contact = asMap(profile.contact)
  const { firstName, lastName, name } = ownName(contact)
  const phone = contact.phone === undefined ? '' : `+${String(publicValue(contact.phone))}`
  return {
    id: publicValue(contact.id) as number | string,
    firstName: asString(firstName) ?? asString(name) ?? '',
    lastName: asString(lastName) ?? '',
    phone,
    description: asString(contact.description) ?? '',
    link: asString(contact.link) ?? '',
    avatarUrl: avatarOf(contact),
    profile: publicValue(profile) as Record<string, unknown>,
  }
}

/** Changes what is given of the profile (operations-and-events.md §3.5). */
export const updateProfile = async (
  session: SessionPort,
  change: WireMap,
): Promise<z.output<typeof profileOutput>> => {
  const before = publicProfile(profileOf(session))
  // Clients always send the first name; MAX refuses a change without any.
  const firstName = change.firstName ?? before.firstName
  const reply = await session.call(Opcode.PROFILE, { ...change, firstName })
  session.account.keepProfile(asMap(reply.profile))
  return publicProfile(profileOf(session))
}
