import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Fields } from '../fields.ts'
import type { Account } from '../records.ts'
import { malformed } from '../refusal.ts'
import { fullName, renderContact, renderPresence } from '../render.ts'
import { renderChat } from '../render-chat.ts'
import { isAdmin, may, noAccess } from '../rights.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import type { OnlineCall } from './operation.ts'

/** 59: by user id, so that a page never shifts; `marker` is the first id of the next page. */
export const listMembers = (call: OnlineCall): WireMap => {
  const { world, pushes, account, fields } = call
  const { state } = ownChat(call)
  const type = fields.optional('type', (map, key) => map.string(key)) ?? 'MEMBER'
  const marker = fields.optional('marker', (map, key) => map.integer(key)) ?? 0
  const count = fields.optional('count', upTo(500)) ?? 50
  const query = fields.optional('query', (map, key) => map.string(key)) ?? ''
  const people = idsOf(state, type, account.id)
    .filter((id) => id >= marker)
    .sort((a, b) => a - b)
    .flatMap((id) => world.accounts.get(id) ?? [])
    .filter((person) => matches(fullName(person), query))
  const next = people[count]
  return {
    members: people.slice(0, count).map((person) => ({
      contact: renderContact(person, account),
      presence: renderPresence(person, pushes.connectionsOf(person.id).size > 0),
      readMark: wireTime(state.members.get(person.id)?.readMark ?? 0),
    })),
    marker: next && wireId(next.id),
  }
}

/** The readers of a channel, and who is not in, are for the administrators. */
const idsOf = (state: ChatState, type: string, viewerId: number): number[] => {
  const { chat, members } = state
  if (chat.type === 'CHANNEL' && !isAdmin(state, viewerId)) throw noAccess()
  const isOutside = type === 'BLOCKED_MEMBER' || type === 'JOIN_REQUEST'
  if (isOutside && !may(state, viewerId, 'manageMembers')) throw noAccess()
  switch (type) {
    case 'MEMBER':
      return [...members.keys()]
    case 'ADMIN':
      return [...members.keys()].filter((id) => isAdmin(state, id))
    case 'BLOCKED_MEMBER':
      return [...chat.blockedIds]
    case 'JOIN_REQUEST':
      return Object.keys(chat.joinRequests).map(Number)
    case 'COMMENTS_BLACKLIST':
      return []
    default:
      throw malformed("'type' unknown")
  }
}

/** 198: the groups and channels that all of the given people and the asker are in. */
export const commonChats = ({ world, account, fields }: OnlineCall): WireMap => {
  const userIds = fields.integers('userIds')
  const count = fields.optional('count', upTo(500)) ?? 50
  const marker = fields.optional('marker', (map, key) => map.integer(key)) ?? 0
  const chats = [...world.chatsOf(account.id)]
    .filter(({ chat, members }) => chat.type !== 'DIALOG' && userIds.every((id) => members.has(id)))
    .sort((a, b) => b.chat.id - a.chat.id)
    .filter(({ chat }) => marker === 0 || chat.id <= marker)
  const next = chats[count]
  return {
    commonChats: chats.slice(0, count).map((state) => renderChat(state, account.id)),
    hasMore: next !== undefined,
    marker: next && wireId(next.chat.id),
  }
}

/** 60: public chats and channels, and people. The marker is how many were shown. */
export const publicSearch = ({ world, account, fields }: OnlineCall): WireMap => {
  const query = fields.string('query')
  const count = fields.integer('count', { min: 1, max: 100 })
  const marker = fields.optional('marker', (map, key) => map.integer(key, { min: 0 })) ?? 0
  const type = fields.optional('type', (map, key) => map.string(key)) ?? 'ALL'
  if (!['ALL', 'CHANNELS', 'PUBLIC_CHATS'].includes(type)) throw malformed("'type' unknown")
  const chats = world.publicChats
    .filter(
      ({ chat }) => type === 'ALL' || chat.type === (type === 'CHANNELS' ? 'CHANNEL' : 'CHAT'),
    )
    .filter(({ chat }) => matches(`${chat.title} ${chat.publicName}`, query))
    .map((state): WireMap => ({ chat: renderChat(state, account.id), highlights: [query] }))
  const people = (type === 'ALL' ? [...world.accounts.values()] : [])
    .filter((person) => person !== account && matches(fullName(person), query))
    .map((person) => foundPerson(person, account, query))
  const result = [...chats, ...people]
  const end = marker + count
  return {
    result: result.slice(marker, end),
    total: result.length,
    marker: end < result.length ? end : undefined,
    ucpQId: world.uuid(),
  }
}

const foundPerson = (person: Account, viewer: Account, query: string): WireMap => ({
  contact: renderContact(person, viewer),
  highlights: [query],
})

/** Each word of the query begins a word of the text. */
const matches = (text: string, query: string): boolean => {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}_]+/u)
  const asked = query.toLowerCase().split(/\s+/).filter(Boolean)
  return asked.every((part) => words.some((word) => word.startsWith(part)))
}

const upTo =
  (max: number) =>
  (map: Fields, key: string): number =>
    map.integer(key, { min: 1, max })
