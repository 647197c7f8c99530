import { z } from 'zod'
import { GatewayError } from './errors.ts'
import { type IdValue, idInput, publicValue } from './ids.ts'
import { ChatModel } from './model.ts'
import { Opcode } from './opcodes.ts'
import { maxErrors } from './operations/define.ts'
import { ALL_PERMISSIONS, namesOfPermissions } from './permissions.ts'
import type { SessionPort } from './session-port.ts'
import { asIdString, asMap, asMaps, asNumber, isWireMap, type WireMap, wireId } from './wire.ts'

/** What the rows about chats share: how a chat looks to our users, and how one is asked for. */

export type PublicChat = z.output<typeof ChatModel>

export const chatId = idInput.describe('The chat; groups and channels have negative ids')
export const userId = idInput.describe('MAX user id')
export const userIds = z.array(idInput).min(1).max(500).describe('MAX user ids, up to 500')
export const chatTitle = z
  .string()
  .trim()
  .min(1, 'a chat cannot be without a name')
  .max(200)
  .describe('1 to 200 characters')
export const chatDescription = z
  .string()
  .trim()
  .max(2_000)
  .describe('Up to 2000 characters; "" takes it away')

/** The answer of a row of which there is nothing to say but that it was done. */
export const done = z.looseObject({ message: z.string() })
/** The same with what the chat is like now. */
export const changedChat = z.looseObject({ message: z.string(), chat: ChatModel })

/** What a change of a chat can end with. */
export const writeErrors = [...maxErrors, 'NOT_FOUND', 'FORBIDDEN', 'OUTCOME_UNKNOWN'] as const

export type Role = 'owner' | 'admin' | 'member'

/** A person's place in a group or channel (operations-and-events.md §2.7). */
export const roleIn = (chat: WireMap, person: IdValue | string): Role => {
  const id = String(person)
  if (asIdString(chat.owner) === id) return 'owner'
  const admins = Array.isArray(chat.admins) ? chat.admins : []
  const isAdmin = isWireMap(asMap(chat.adminParticipants)[id])
  return isAdmin || admins.some((admin) => asIdString(admin) === id) ? 'admin' : 'member'
}

/** A person's rights in a group or channel by name; an ordinary member has none to list. */
export const permissionsIn = (chat: WireMap, person: IdValue | string): string[] => {
  if (roleIn(chat, person) === 'owner') return namesOfPermissions(ALL_PERMISSIONS)
  const admin = asMap(asMap(chat.adminParticipants)[String(person)])
  return namesOfPermissions(asNumber(admin.permissions) ?? 0)
}

/**
 * A chat as our users get it: whole, and `options` always an object (some dialogs carry a number
 * there, operations-and-events.md §2.7).
 */
export const publicPreview = (chat: WireMap): PublicChat => {
  const known = Object.entries(chat).filter(([, value]) => value !== null)
  const shown = publicValue(Object.fromEntries(known)) as PublicChat
  return { ...shown, options: isWireMap(chat.options) ? (shown.options ?? {}) : {} }
}

/** The same for a chat that the account is in, with its role there and whether it is muted. */
export const publicChat = (session: SessionPort, chat: WireMap): PublicChat => {
  const shown = publicPreview(chat)
  const mutedUntil = mutedUntilOf(session, chat)
  if (mutedUntil !== undefined) shown.mutedUntil = mutedUntil
  if (chat.type === 'DIALOG') return shown
  const me = session.userId
  return { ...shown, myRole: roleIn(chat, me), myPermissions: permissionsIn(chat, me) }
}

/** `dontDisturbUntil`: -1 = for ever, 0 or past = not at all (operations-and-events.md §3.4). */
export const MUTED_FOREVER = -1

const mutedUntilOf = (session: SessionPort, chat: WireMap): number | 'forever' | undefined => {
  const own = asMap(session.account.chatSettings()[asIdString(chat.id) ?? ''])
  const until = asNumber(own.dontDisturbUntil) ?? 0
  if (until === MUTED_FOREVER) return 'forever'
  return until > session.now() ? until : undefined
}

const noChat = (): GatewayError =>
  new GatewayError('NOT_FOUND', 'there is no such chat, or the account is not in it', {
    field: 'chatId',
  })

/** How many ids one CHAT_INFO asks for. */
const INFO_BATCH = 100

/** The chats among `ids` that the account can see, in no particular order. */
export const chatsByIds = async (
  session: SessionPort,
  ids: readonly IdValue[],
): Promise<WireMap[]> => {
  const found: WireMap[] = []
  for (let at = 0; at < ids.length; at += INFO_BATCH) {
    const chatIds = ids.slice(at, at + INFO_BATCH).map(wireId)
    const reply = await session.call(Opcode.CHAT_INFO, { chatIds })
    found.push(...asMaps(reply.chats))
  }
  // A server may answer `[0]` with all chats (§3.6): only what was asked for counts.
  const asked = new Set(ids.map(String))
  return found.filter((chat) => asked.has(asIdString(chat.id) ?? ''))
}

/** @throws {GatewayError} NOT_FOUND when the account has no such chat, and only then. */
export const chatById = async (session: SessionPort, id: IdValue): Promise<WireMap> => {
  const [chat] = await chatsByIds(session, [id])
  if (chat === undefined) throw noChat()
  return chat
}

/** The chat in an answer of MAX; asked for when the answer lacks it. */
export const chatOf = async (
  session: SessionPort,
  reply: WireMap,
  id: IdValue,
): Promise<PublicChat> =>
  publicChat(session, isWireMap(reply.chat) ? reply.chat : await chatById(session, id))

/** CHAT_UPDATE takes one kind of change per request (§3.6). */
export const updateChat = async (
  session: SessionPort,
  id: IdValue,
  change: WireMap,
): Promise<PublicChat> => {
  const reply = await session.call(Opcode.CHAT_UPDATE, { chatId: wireId(id), ...change })
  return chatOf(session, reply, id)
}

/** A CHAT_MEMBERS_UPDATE of members, administrators or requests (§3.6). */
export const updateMembers = async (
  session: SessionPort,
  id: IdValue,
  users: readonly IdValue[],
  change: WireMap,
): Promise<PublicChat> => {
  const payload = { chatId: wireId(id), userIds: users.map(wireId), ...change }
  return chatOf(session, await session.call(Opcode.CHAT_MEMBERS_UPDATE, payload), id)
}

/** A chat's link, "" where the account may not see it. */
export const linkOf = (chat: { link?: unknown }): string =>
  typeof chat.link === 'string' ? chat.link : ''

/** Makes a new private link; the old one stops working. */
export const resetLink = async (session: SessionPort, id: IdValue): Promise<string> =>
  linkOf(await updateChat(session, id, { revokePrivateLink: true }))
