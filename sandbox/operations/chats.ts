import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Fields } from '../fields.ts'
import { isVisibleTo, type Member } from '../records.ts'
import { chatNotFound, malformed } from '../refusal.ts'
import { renderMessage } from '../render.ts'
import { lastEventTime, renderChat } from '../render-chat.ts'
import { historyWindow } from '../window.ts'
import type { ChatState } from '../world.ts'
import { delayedWindow, meansDelayed } from './delayed.ts'
import type { OnlineCall } from './operation.ts'

/** A chat that the asker belongs to; any other does not exist for them. */
export const ownChat = (
  call: OnlineCall,
  name = 'chatId',
): { state: ChatState; member: Member } => {
  const state = call.world.chat(call.account.id, call.fields.integer(name))
  const member = state?.members.get(call.account.id)
  if (!state || !member) throw chatNotFound()
  return { state, member }
}

/** 48 */
export const chatInfo = ({ world, account, fields }: OnlineCall): WireMap => ({
  chats: fields.integers('chatIds').flatMap((chatId) => {
    const state = world.chat(account.id, chatId)
    const member = state?.members.get(account.id)
    return state && member && member.view !== 'removed' ? [renderChat(state, account.id)] : []
  }),
})

/** Whether a chat stands in the person's list. */
export const isListed = (state: ChatState, userId: number): boolean =>
  state.members.get(userId)?.view === undefined

/** 53: chats with `lastEventTime < marker`, newest first; the answer's marker is the oldest of them. */
export const chatsList = ({ world, settings, account, fields }: OnlineCall): WireMap => {
  const marker = fields.integer('marker')
  const count = fields.optional('count', (map, key) => map.integer(key, { min: 1, max: 500 }))
  const chats = [...world.chatsOf(account.id)]
    .filter((state) => isListed(state, account.id) && lastEventTime(state) < marker)
    .sort((a, b) => lastEventTime(b) - lastEventTime(a))
    .slice(0, count ?? settings.chatsPageSize)
  const oldest = chats.at(-1)
  return {
    chats: chats.map((state) => renderChat(state, account.id)),
    marker: wireTime(oldest ? lastEventTime(oldest) : 0),
  }
}

/** 49: see {@link historyWindow} for the rule. */
export const chatHistory = (call: OnlineCall): WireMap => {
  const { account, fields } = call
  const { state, member } = ownChat(call)
  const count = (map: Fields, key: string): number => map.integer(key, { min: 0, max: 1000 })
  const window = {
    from: Math.max(0, fields.optional('from', (map, key) => map.integer(key)) ?? 0),
    backward: fields.optional('backward', count) ?? 0,
    forward: fields.optional('forward', count) ?? 0,
  }
  const wantsMessages = fields.optional('getMessages', (map, key) => map.boolean(key)) ?? true
  const wantsChat = fields.optional('getChat', (map, key) => map.boolean(key)) ?? false
  if (meansDelayed(fields)) return { messages: delayedWindow(call, state, window.forward) }
  const messages = wantsMessages ? historyWindow(state.messages, window, isVisibleTo(member)) : []
  return {
    messages: messages.map((message) => renderMessage(state, message, account.id)),
    chat: wantsChat ? renderChat(state, account.id) : undefined,
  }
}

/** 50: reads up to `mark`, which a client sets to the read message's own time, or marks unread. */
export const chatMark = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const { state, member } = ownChat(call)
  const type = fields.string('type')
  const mark = fields.integer('mark', { min: 0 })
  if (type === 'SET_AS_UNREAD') {
    member.markedUnread = true
    world.saveMember(member)
  } else if (type === 'READ_MESSAGE') {
    fields.messageId('messageId')
    world.markRead(state, member, mark)
  } else if (type !== 'READ_REACTION') {
    throw malformed("'type' unknown")
  }
  const unread = member.markedUnread ? Math.max(1, member.unread) : member.unread
  const change = {
    setAsUnread: type === 'SET_AS_UNREAD',
    chatId: wireId(state.chat.id),
    userId: wireId(account.id),
    mark: wireTime(member.readMark),
  }
  if (type === 'READ_MESSAGE' && state.chat.type !== 'CHANNEL') {
    pushes.toOthers(state, account.id, Opcode.NOTIF_MARK, change)
  }
  if (type !== 'READ_REACTION') {
    pushes.toAccount(account.id, Opcode.NOTIF_MARK, { ...change, unread }, connection)
  }
  return { unread, mark: change.mark }
}

/** 75: typing is pushed to subscribers alone. Unknown chats are accepted (§6.4, vkmax). */
export const chatSubscribe = ({ world, settings, connection, account, fields }: OnlineCall) => {
  const state = world.chat(account.id, fields.integer('chatId'))
  const subscribe = fields.boolean('subscribe')
  if (!state) return null
  const { key } = state.chat
  if (subscribe) connection.subscribe(key, world.now + settings.subscriptionMs, world.now)
  else connection.subscriptions.delete(key)
  return null
}

const typingKinds = new Set(['TEXT', 'AUDIO', 'VIDEO', 'PHOTO', 'FILE', 'STICKER'])

/** 65 */
export const typing = (call: OnlineCall): null => {
  const { world, pushes, account, fields } = call
  const { state } = ownChat(call)
  const type = fields.optional('type', (map, key) => map.string(key))
  if (type !== undefined && !typingKinds.has(type)) throw malformed("'type' unknown")
  pushes.toSubscribers(state, account.id, world.now, Opcode.NOTIF_TYPING, {
    chatId: wireId(state.chat.id),
    userId: wireId(account.id),
    type,
  })
  return null
}
