import { type WireMap, wireId } from '../../schema/wire.ts'
import type { Fields } from '../fields.ts'
import { isVisibleTo, type Member, type Message } from '../records.ts'
import { malformed } from '../refusal.ts'
import { renderMessage } from '../render.ts'
import { renderChat } from '../render-chat.ts'
import type { ChatState } from '../world.ts'
import { isListed, ownChat } from './chats.ts'
import type { OnlineCall } from './operation.ts'

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** A search by words: each word asked for begins one of the text (operations-and-events.md §3.2). */
const matcher = (query: string): ((text: string) => string[]) => {
  const asked = wordsOf(query)
  if (asked.length === 0) return () => []
  return (text) => {
    const words = wordsOf(text)
    const found = asked.map((prefix) => words.find((word) => word.startsWith(prefix)))
    return found.every((word) => word !== undefined) ? [...new Set(found)] : []
  }
}

interface Hit {
  message: Message
  highlights: string[]
}

/** Newest first. */
const hits = (state: ChatState, member: Member, match: (text: string) => string[]): Hit[] =>
  state.messages
    .filter(isVisibleTo(member))
    .map((message) => ({ message, highlights: match(message.text) }))
    .filter(({ highlights }) => highlights.length > 0)
    .reverse()

const countOf = (fields: Fields): number => fields.integer('count', { min: 1, max: 100 })

/** 73: the chat is required. */
export const searchChat = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const { state, member } = ownChat(call)
  const count = countOf(fields)
  const from = fields.optional('marker', (map, key) => map.integer(key, { min: 0 })) ?? 0
  const found = hits(state, member, matcher(fields.string('query')))
  const ucpQId = world.hex(16)
  if (found.length === 0) return { result: [], ucpQId }
  const next = from + count
  return {
    result: found.slice(from, next).map(({ message, highlights }) => ({
      message: renderMessage(state, message, account.id),
      highlights,
    })),
    total: found.length,
    marker: next < found.length ? next : undefined,
    ucpQId,
  }
}

/** 68: one row per chat, for its newest message that fits or for its title. Its marker is a text. */
export const searchEverywhere = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const match = matcher(fields.string('query'))
  const count = countOf(fields)
  const from = Number(fields.optional('marker', (map, key) => map.string(key)) ?? '0')
  if (!Number.isSafeInteger(from) || from < 0) throw malformed("'marker' unknown")
  const rows: { at: bigint; row: WireMap }[] = []
  let messages = 0
  for (const state of world.chatsOf(account.id)) {
    const member = state.members.get(account.id)
    if (!member || !isListed(state, account.id)) continue
    const found = hits(state, member, match)
    const [newest] = found
    const title = match(state.chat.title ?? '')
    messages += found.length
    if (newest) {
      rows.push({
        at: newest.message.id,
        row: {
          chatId: wireId(state.chat.id),
          section: 'MESSAGES',
          count: found.length,
          highlights: newest.highlights,
          message: renderMessage(state, newest.message, account.id),
        },
      })
    } else if (title.length > 0) {
      const row = { section: 'CHATS', highlights: title, chat: renderChat(state, account.id) }
      rows.push({ at: 0n, row: { chatId: wireId(state.chat.id), count: 1, ...row } })
    }
  }
  rows.sort((one, other) => (one.at > other.at ? -1 : 1))
  const next = from + count
  return {
    result: rows.slice(from, next).map(({ row }) => row),
    counters: { MESSAGES: messages },
    total: rows.length,
    marker: next < rows.length ? String(next) : undefined,
    ucpQId: world.hex(16),
  }
}

/** 72 tells that a result was opened. */
export const touchSearch = (call: OnlineCall): null => {
  ownChat(call)
  return null
}

const mediaTypes = new Set(['PHOTO', 'VIDEO', 'FILE', 'AUDIO', 'SHARE'])

/** 51: messages with media around one message, which belongs to both sides. */
export const chatMedia = (call: OnlineCall): WireMap => {
  const { account, fields } = call
  const { state, member } = ownChat(call)
  const anchor = fields.messageId('messageId')
  const types = new Set(fields.list('attachTypes'))
  for (const type of types) {
    if (!mediaTypes.has(String(type))) throw malformed("'attachTypes' unknown")
  }
  const backward = fields.integer('backward', { min: 0, max: 500 })
  const forward = fields.integer('forward', { min: 0, max: 500 })
  const all = state.messages
    .filter(isVisibleTo(member))
    .filter(({ attaches }) => attaches.some(({ _type }) => types.has(_type)))
  const older = backward === 0 ? [] : all.filter(({ id }) => id <= anchor).slice(-backward)
  const newer = all.filter(({ id }) => id >= anchor).slice(0, forward)
  const messages = [...new Set([...older, ...newer])]
  return {
    messages: messages.map((message) => renderMessage(state, message, account.id)),
    total: all.length,
  }
}
