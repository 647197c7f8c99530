import { pageOfChats } from './chat-pages.ts'
import { Opcode } from './opcodes.ts'
import { USERS_PER_CALL, usersByIds } from './people.ts'
import type { SessionPort } from './session-port.ts'
import { asIdString, asMap, type WireMap, wireId } from './wire.ts'

/** LOGIN of the original asked for so many chats. */
export const CHATS_AT_MOST = 100
/** Contacts beyond this are given as they are known. */
export const CONTACTS_AT_MOST = 1_000

/** What `/session/sync` answers, in the form of LOGIN's answer (wire-and-auth.md §6.4). */
export interface SyncAnswer {
  profile: Record<string, unknown>
  chats: { id: number | string; type: string }[]
  contacts: Record<string, unknown>[]
  presence: Record<string, unknown>
  config: Record<string, unknown>
  messages: Record<string, unknown>
  time: number
}

/**
 * The account as LOGIN would tell it, by requests that change nothing: a second LOGIN would count
 * against what MAX allows, and tear the session.
 */
export const readAccount = async (session: SessionPort): Promise<WireMap> => {
  const { account } = session
  const [own] = await usersByIds(session, [session.userId])
  if (own) account.keepProfile({ contact: own })
  const known = account.contacts()
  const ids = known
    .slice(0, CONTACTS_AT_MOST)
    .flatMap((contact) => asIdString(contact.id) ?? [])
    .map(BigInt)
  const fresh = await usersByIds(session, ids)
  for (const contact of fresh) if (account.isContact(idOf(contact))) account.keepContact(contact)
  // MAX gives about 50 at once.
  const { chats } = await pageOfChats(session, { limit: CHATS_AT_MOST, maxRequests: 10 })
  return {
    profile: account.profile() ?? {},
    chats,
    contacts: account.contacts(),
    presence: await presenceOf(session, ids),
    config: { user: account.settings() },
    messages: {},
    time: session.now(),
  }
}

const idOf = (contact: WireMap): bigint => BigInt(asIdString(contact.id) ?? 0)

const presenceOf = async (session: SessionPort, ids: readonly bigint[]): Promise<WireMap> => {
  const presence: WireMap = {}
  for (let at = 0; at < ids.length; at += USERS_PER_CALL) {
    const contactIds = ids.slice(at, at + USERS_PER_CALL).map(wireId)
    const reply = await session.call(Opcode.CONTACT_PRESENCE, { contactIds })
    Object.assign(presence, asMap(reply.presence))
  }
  return presence
}
