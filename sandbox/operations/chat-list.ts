import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireTime } from '../../schema/wire.ts'
import { type Member, type ReactionSettings, timeOf } from '../records.ts'
import { chatNotFound } from '../refusal.ts'
import { renderChat, renderDeparted } from '../render-chat.ts'
import { may, noAccess } from '../rights.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import { leave } from './membership.ts'
import type { OnlineCall } from './operation.ts'

/** What a person does to their own view of a chat (operations-and-events.md §3.6, §6.3). */

/** 52: out of the list with its history. `forAll` leaves a group, and empties a dialog for both. */
export const deleteChat = (call: OnlineCall): WireMap => {
  const { world, account } = call
  const { state, member, until, forAll } = wholeChat(call)
  if (forAll && state.chat.type !== 'DIALOG') {
    leave(call, state, 'REMOVED')
    return {}
  }
  for (const each of forAll ? [...state.members.values()] : [member]) {
    world.clearHistory(state, each, until)
    each.view = 'removed'
    world.saveMember(each)
    const chat = renderDeparted(state, each.userId, 'REMOVED')
    const acting = each.userId === account.id ? call.connection : undefined
    call.pushes.toAccount(each.userId, Opcode.NOTIF_CHAT, { chat }, acting)
  }
  world.saveChat(state)
  return {}
}

/** 54: the history goes, the chat stays. For everyone it takes the right to delete messages. */
export const clearChat = (call: OnlineCall): WireMap => {
  const { world, account } = call
  const { state, member, until, forAll } = wholeChat(call)
  if (forAll) {
    if (state.chat.type !== 'DIALOG' && !may(state, account.id, 'deleteMessages')) throw noAccess()
    for (const message of state.messages.filter(({ id }) => timeOf(id) <= until)) {
      world.removeMessage(state, message)
    }
  } else {
    world.clearHistory(state, member, until)
  }
  world.saveChat(state)
  for (const { userId } of forAll ? state.members.values() : [member]) {
    const range = { chat: renderChat(state, userId), startTime: 0, endTime: wireTime(until) }
    const acting = userId === account.id ? call.connection : undefined
    call.pushes.toAccount(userId, Opcode.NOTIF_MSG_DELETE_RANGE, range, acting)
  }
  return {}
}

/** 196: out of the list until somebody writes. */
export const hideChat = (call: OnlineCall): null => {
  const { world, pushes, connection, account } = call
  const { state, member } = ownChat(call)
  member.view = 'hidden'
  world.saveMember(member)
  world.saveChat(state)
  const chat = renderChat(state, account.id)
  pushes.toAccount(account.id, Opcode.NOTIF_CHAT, { chat }, connection)
  return null
}

/** 86 */
export const showPin = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const { state, member } = ownChat(call)
  if (fields.boolean('show')) delete member.hidesPin
  else member.hidesPin = true
  world.saveMember(member)
  return { chat: renderChat(state, account.id) }
}

/** 257: which reactions a group or channel takes. */
export const setReactionSettings = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const { state } = ownChat(call)
  const reset = fields.optional('reset', (map, key) => map.boolean(key)) ?? false
  const settings: ReactionSettings = {
    isActive: fields.optional('value', (map, key) => map.boolean(key)) ?? true,
    count: fields.optional('count', (map, key) => map.integer(key, { min: 1, max: 8 })) ?? 8,
    included: fields.optional('included', (map, key) => map.boolean(key)) ?? false,
    reactionIds: fields.optional('reactionIds', (map, key) => map.strings(key)) ?? [],
    updateTime: world.stamp(),
  }
  if (state.chat.type === 'DIALOG') throw chatNotFound()
  if (!may(state, account.id, 'changeInfo')) throw noAccess()
  if (reset) delete state.chat.reactions
  else state.chat.reactions = settings
  world.saveChat(state)
  pushes.chat(state, connection)
  return { chatReactionsSettings: { [state.chat.id]: reactionSettings(state) } }
}

/** 258: settings by chat id; chats of others are left out. */
export const getReactionSettings = ({ world, account, fields }: OnlineCall): WireMap => ({
  chatReactionsSettings: Object.fromEntries(
    fields.integers('chatIds').flatMap((chatId) => {
      const state = world.chat(account.id, chatId)
      return state?.members.has(account.id) ? [[chatId, reactionSettings(state)]] : []
    }),
  ),
})

/** Every reaction, up to the server's eight kinds, unless somebody chose otherwise. */
const reactionSettings = ({ chat: { reactions } }: ChatState): WireMap => {
  const settings = reactions ?? { isActive: true, count: 8, included: false, reactionIds: [] }
  return { ...settings, updateTime: wireTime(reactions?.updateTime ?? 0) }
}

const wholeChat = (
  call: OnlineCall,
): { state: ChatState; member: Member; until: number; forAll: boolean } => {
  const { fields } = call
  const until = fields.integer('lastEventTime', { min: 0 })
  const forAll = fields.boolean('forAll')
  return { ...ownChat(call), until, forAll }
}
