import { z } from 'zod'
import { GatewayError } from './errors.ts'
import { type IdValue, idInput, publicValue } from './ids.ts'
import { phoneInput } from './model.ts'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import { asMap, asMaps, asNumber, asString, type WireMap, wireId } from './wire.ts'

/** People as our users see them, and how operations find them. */

/** CONTACT_INFO takes this many ids at once (operations-and-events.md §3.5). */
export const USERS_PER_CALL = 100

/**
 * A person: every key of the original's user object is always there, whatever MAX left out, and what
 * else MAX sent stays.
 */
export const UserModel = z
  .looseObject({
    id: z.union([z.number(), z.string()]),
    accountStatus: z.number().describe('0 active, 1 blocked by MAX, 2 deleted'),
    names: z.array(z.looseObject({})).describe('Own name, and `CUSTOM`: your name for them'),
    options: z.array(z.unknown()).describe('Marks such as `BOT` and `OFFICIAL`'),
    baseUrl: z.string(),
    baseRawUrl: z.string(),
    photoId: z.union([z.number(), z.string()]),
    description: z.string(),
    gender: z.union([z.number(), z.string()]),
    link: z.string(),
    updateTime: z.union([z.number(), z.string()]),
    webApp: z.unknown(),
    avatarUrl: z.string().describe('Full size when there is one; opens without a login'),
  })
  .meta({ id: 'User' })

const absent = {
  accountStatus: 0,
  names: [],
  options: [],
  baseUrl: '',
  baseRawUrl: '',
  photoId: 0,
  description: '',
  gender: 0,
  link: '',
  updateTime: 0,
  webApp: '',
}

export const publicUser = (contact: WireMap): z.output<typeof UserModel> => {
  const { id, ...rest } = publicValue(contact) as { id: number | string }
  const told = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)
  return { id, ...absent, ...Object.fromEntries(told), avatarUrl: avatarOf(contact) }
}

/** Full size, else reduced, else `''` (operations-and-events.md §3.5). */
export const avatarOf = (contact: WireMap): string =>
  asString(contact.baseRawUrl) || asString(contact.baseUrl) || ''

/** The name to show: the account's own name for them, else theirs (§2.5). */
export const nameOf = (contact: WireMap): string | undefined => {
  const names = asMaps(contact.names)
  const best =
    names.find(({ type }) => type === 'CUSTOM') ??
    names.find(({ type }) => type === 'FULL_NAME') ??
    names[0]
  return best && asString(best.name)
}

/** The id of a person: 0 is nobody. */
export const userIdInput = idInput.refine((id) => id > 0, 'expected the id of a user')

/** A person: `userId`, or `phone` of somebody on MAX. */
export const person = {
  userId: userIdInput.optional().describe('Who is meant; or give `phone`'),
  phone: phoneInput.optional().describe('Phone number, with or without the plus'),
}

/**
 * Whom a person input means.
 * @throws {GatewayError} NOT_FOUND when nobody on MAX can be found by the number.
 */
export const resolvePerson = async (
  session: SessionPort,
  input: { userId?: IdValue | undefined; phone?: string | undefined },
): Promise<IdValue> => {
  if (input.userId !== undefined) return input.userId
  if (input.phone === undefined) {
    throw new GatewayError('INVALID_INPUT', 'userId or phone is required', { field: 'userId' })
  }
  const id = asNumber((await findByPhone(session, input.phone))?.id)
  if (id === undefined) throw nobodyHas()
  return id
}

export const nobodyHas = (): GatewayError =>
  new GatewayError('NOT_FOUND', 'nobody on MAX can be found by this phone number')

/** The person behind a number; `undefined` when MAX says that there is none. */
export const findByPhone = async (
  session: SessionPort,
  phone: string,
): Promise<WireMap | undefined> => {
  try {
    const { contact } = await session.call(Opcode.CONTACT_INFO_BY_PHONE, { phone })
    return asNumber(asMap(contact).id) === undefined ? undefined : asMap(contact)
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined
    throw error
  }
}

/** People by their ids, in the order of the ids; MAX leaves out whom it does not know. */
export const usersByIds = async (
  session: SessionPort,
  ids: readonly IdValue[],
): Promise<WireMap[]> => {
  const found = new Map<string, WireMap>()
  for (let at = 0; at < ids.length; at += USERS_PER_CALL) {
    const contactIds = ids.slice(at, at + USERS_PER_CALL).map(wireId)
    const reply = await session.call(Opcode.CONTACT_INFO, { contactIds })
    for (const contact of asMaps(reply.contacts)) found.set(String(contact.id), contact)
  }
  return ids.map((id) => found.get(String(id))).filter((contact) => contact !== undefined)
}

/** MAX finds many look-ups in a row too many: this long between two of them. */
const LOOKUP_PAUSE_MS = 200
export const LOOKUPS_AT_MOST = 50

/**
 * Looks numbers up one after another.
 * @throws {GatewayError} the first failure; `details.done` says how many answers came before it.
 */
export const findByPhones = async (
  session: SessionPort,
  phones: readonly string[],
): Promise<(WireMap | undefined)[]> => {
  const found: (WireMap | undefined)[] = []
  for (const phone of phones) {
    if (found.length > 0) await session.pause(LOOKUP_PAUSE_MS)
    try {
      found.push(await findByPhone(session, phone))
    } catch (error) {
      if (!(error instanceof GatewayError) || phones.length === 1) throw error
      const { code, message, ...facts } = error.data
      const details = { ...facts.details, done: found.length, total: phones.length }
      throw new GatewayError(code, message, { ...facts, details, cause: error })
    }
  }
  return found
}
