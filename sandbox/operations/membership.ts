import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireMessageId } from '../../schema/wire.ts'
import { type Message, timeOf } from '../records.ts'
import { chatNotFound, malformed, Refusal } from '../refusal.ts'
import { renderOwnMessage } from '../render.ts'
import { renderChat, renderDeparted } from '../render-chat.ts'
import { isAdmin, may, memberMay, noAccess, permissionsOf } from '../rights.ts'
import { announce } from '../service-message.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import type { OnlineCall } from './operation.ts'

/** Who is in a group or channel, and how that changes (operations-and-events.md §3.6, §5.3). */

/** 57: a private link without its host, a public one with it. Who is in already stays in. */
export const joinChat = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account } = call
  const state = linkedChat(call)
  const { chat } = state
  if (state.members.has(account.id)) return { chat: renderChat(state, account.id) }
  if (chat.blockedIds.includes(account.id)) throw noAccess()
  if (chat.options.JOIN_REQUEST) chat.joinRequests[account.id] ??= world.stamp()
  else letIn(call, state, [account.id], { event: 'joinByLink', userId: account.id })
  world.saveChat(state)
  pushes.chat(state, connection)
  return { chat: renderChat(state, account.id) }
}

/** 89: what a link leads to; nothing is joined. */
export const linkInfo = (call: OnlineCall): WireMap => ({
  chat: renderChat(linkedChat(call), call.account.id),
})

/** 58 */
export const leaveChat = (call: OnlineCall): WireMap => {
  const { state } = ownGroup(call)
  return { message: renderOwnMessage(state, leave(call, state, 'LEFT')) }
}

/** Takes the caller out of a group; their other sessions see it with the given status. */
export const leave = (call: OnlineCall, state: ChatState, status: 'LEFT' | 'REMOVED'): Message => {
  const { world, pushes, connection, account } = call
  const message = announce(call, state, { event: 'leave', userId: account.id })
  expel(call, state, account.id)
  const chat = renderDeparted(state, account.id, status)
  pushes.toAccount(account.id, Opcode.NOTIF_CHAT, { chat }, connection)
  world.saveChat(state)
  pushes.chat(state)
  return message
}

/** 77: one table for members, administrators, requests and the blocked. */
export const updateMembers = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const { state } = ownGroup(call)
  const userIds = [...new Set(fields.integers('userIds'))]
  const operation = fields.string('operation')
  const type = fields.optional('type', (map, key) => map.string(key)) ?? 'MEMBER'
  if (userIds.length === 0) throw malformed("'userIds' is empty")
  if (operation !== 'add' && operation !== 'remove') throw malformed("'operation' unknown")
  const change = changes[type]?.[operation]
  if (!change) throw malformed("'type' unknown")
  const outcome = change(call, state, userIds)
  world.saveChat(state)
  pushes.chat(state, connection)
  return {
    chat: renderChat(state, account.id),
    message: outcome?.message && renderOwnMessage(state, outcome.message),
    deletedMessageIds: outcome?.deleted?.map(wireMessageId),
  }
}

interface Outcome {
  message?: Message | undefined
  deleted?: bigint[]
}
type ChangeMembers = (call: OnlineCall, state: ChatState, userIds: number[]) => Outcome | undefined

const addMembers: ChangeMembers = (call, state, userIds) => {
  const { world, account, fields } = call
  const showHistory = fields.optional('showHistory', (map, key) => map.boolean(key)) ?? false
  const isReserved = state.chat.options.ONLY_ADMIN_CAN_ADD_MEMBER
  if (!memberMay(state, isReserved) && !may(state, account.id, 'manageMembers')) throw noAccess()
  for (const id of userIds) if (!world.accounts.has(id)) throw unknownUser(id)
  const fresh = userIds.filter((id) => !state.members.has(id))
  if (fresh.length === 0) return undefined
  return { message: letIn(call, state, fresh, { event: 'add', userIds: fresh, showHistory }) }
}

const removeMembers: ChangeMembers = (call, state, userIds) => {
  const { world, pushes, connection, account, fields } = call
  const period = fields.optional('cleanMsgPeriod', (map, key) => map.integer(key, { min: -1 })) ?? 0
  requireRight(call, state, 'manageMembers')
  for (const id of userIds) {
    if (!state.members.has(id)) throw unknownUser(id)
    const isAbove =
      id === state.chat.ownerId || (isAdmin(state, id) && !mayAppoint(state, account.id))
    if (isAbove || id === account.id) throw noAccess()
  }
  const deleted = userIds.flatMap((id) => messagesToClean(call, state, id, period))
  for (const message of deleted) {
    world.removeMessage(state, message)
    pushes.removed(state, message, connection)
  }
  let message: Message | undefined
  for (const userId of userIds) {
    message = announce(call, state, { event: 'remove', userId })
    expel(call, state, userId)
    pushes.toAccount(userId, Opcode.NOTIF_CHAT, { chat: renderDeparted(state, userId, 'REMOVED') })
  }
  return { message, deleted: deleted.map(({ id }) => id) }
}

/** 0 keeps a removed person's messages, -1 takes all, else those of the last seconds (§1.3). */
const messagesToClean = (
  { world }: OnlineCall,
  state: ChatState,
  userId: number,
  period: number,
): Message[] => {
  if (period === 0) return []
  const from = period === -1 ? 0 : world.now - period * 1000
  return state.messages.filter(
    (message) => message.senderId === userId && timeOf(message.id) >= from,
  )
}

/** Nobody gives away what they do not have. */
const promote: ChangeMembers = (call, state, userIds) => {
  const { account, fields } = call
  const permissions = fields.integer('permissions', { min: 0, max: 0x7fffffff })
  requireRight(call, state, 'appointAdmins')
  if ((permissions & ~permissionsOf(state, account.id)) !== 0) throw noAccess()
  for (const id of userIds) {
    if (!state.members.has(id)) throw unknownUser(id)
    if (id === state.chat.ownerId) throw noAccess()
  }
  for (const id of userIds) {
    state.chat.admins[id] = {
      permissions,
      inviterId: state.chat.admins[id]?.inviterId ?? account.id,
    }
  }
  return undefined
}

const demote: ChangeMembers = (call, state, userIds) => {
  requireRight(call, state, 'appointAdmins')
  for (const id of userIds) if (!state.chat.admins[id]) throw unknownUser(id)
  for (const id of userIds) delete state.chat.admins[id]
  return undefined
}

const acceptRequests: ChangeMembers = (call, state, userIds) => {
  requireRight(call, state, 'manageMembers')
  requireWaiting(state, userIds)
  return { message: letIn(call, state, userIds, { event: 'add', userIds }) }
}

const declineRequests: ChangeMembers = (call, state, userIds) => {
  requireRight(call, state, 'manageMembers')
  requireWaiting(state, userIds)
  for (const id of userIds) delete state.chat.joinRequests[id]
  return undefined
}

const block: ChangeMembers = (call, state, userIds) => {
  const outcome = removeMembers(call, state, userIds)
  state.chat.blockedIds.push(...userIds)
  return outcome
}

const unblock: ChangeMembers = (call, state, userIds) => {
  requireRight(call, state, 'manageMembers')
  const { chat } = state
  for (const id of userIds) if (!chat.blockedIds.includes(id)) throw unknownUser(id)
  chat.blockedIds = chat.blockedIds.filter((id) => !userIds.includes(id))
  return undefined
}

const changes: { readonly [type: string]: { add: ChangeMembers; remove: ChangeMembers } } = {
  MEMBER: { add: addMembers, remove: removeMembers },
  ADMIN: { add: promote, remove: demote },
  JOIN_REQUEST: { add: acceptRequests, remove: declineRequests },
  BLOCKED_MEMBER: { add: block, remove: unblock },
}

/** Makes people members and tells everybody so. */
const letIn = (
  call: OnlineCall,
  state: ChatState,
  userIds: number[],
  control: WireMap,
): Message => {
  const { world, account } = call
  const { chat } = state
  const joinedAt = world.stamp()
  const hidesHistory = control.showHistory === false
  for (const userId of userIds) {
    world.addMember(state, {
      userId,
      joinedAt,
      readMark: joinedAt,
      ...(userId === account.id ? {} : { inviterId: account.id }),
      ...(hidesHistory ? { historyFrom: joinedAt } : {}),
    })
    delete chat.joinRequests[userId]
  }
  chat.blockedIds = chat.blockedIds.filter((id) => !userIds.includes(id))
  return announce(call, state, control)
}

const expel = ({ world }: OnlineCall, state: ChatState, userId: number): void => {
  world.removeMember(state, userId)
  delete state.chat.admins[userId]
}

const ownGroup = (call: OnlineCall): { state: ChatState } => {
  const { state } = ownChat(call)
  if (state.chat.type === 'DIALOG') throw chatNotFound()
  return { state }
}

/** `join/<token>` or `https://max.ru/<name>`: MAX takes no other form of either (§3.6). */
const linkedChat = ({ world, fields }: OnlineCall): ChatState => {
  const link = fields.string('link')
  const token = /^join\/([\w-]+)$/.exec(link)?.[1]
  const name = /^https:\/\/max\.ru\/(\w+)$/.exec(link)?.[1]
  const state =
    token !== undefined
      ? world.chatByLink({ token })
      : name !== undefined
        ? world.chatByLink({ name })
        : undefined
  if (!state) throw new Refusal('not.found', 'Link not found')
  return state
}

const requireRight = (
  { account }: OnlineCall,
  state: ChatState,
  permission: Parameters<typeof may>[2],
): void => {
  if (!may(state, account.id, permission)) throw noAccess()
}

const mayAppoint = (state: ChatState, userId: number): boolean =>
  may(state, userId, 'appointAdmins')

const requireWaiting = ({ chat }: ChatState, userIds: number[]): void => {
  for (const id of userIds) if (chat.joinRequests[id] === undefined) throw unknownUser(id)
}

const unknownUser = (id: number): Refusal => new Refusal('user.not.found', `User ${id} not found`)
