import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireTime } from '../../schema/wire.ts'
import { closePoll, pollOf } from '../polls.ts'
import { isVisibleTo, type Message, timeOf } from '../records.ts'
import { Refusal } from '../refusal.ts'
import { renderOwnMessage } from '../render.ts'
import { renderChat } from '../render-chat.ts'
import { isAdmin, may, noAccess } from '../rights.ts'
import { firstAtLeast } from '../window.ts'
import type { ChatState } from '../world.ts'
import { acceptAttaches } from './attaches.ts'
import { ownChat } from './chats.ts'
import { meansDelayed, readDelay, requeue, unqueue } from './delayed.ts'
import { ownMessage, readElements } from './messages.ts'
import type { OnlineCall } from './operation.ts'

/** 67: the list is called `attachments` here, and an empty one removes what was attached (§3.2). */
export const editMessage = (call: OnlineCall): WireMap => {
  const { world, pushes, settings, connection, account, fields } = call
  const { state } = ownChat(call)
  const id = fields.messageId('messageId')
  const delay = fields.optional('delayedAttributes', (map, key) => readDelay(world, map.map(key)))
  const delayed = delay && world.delayed.find(account.id, id)
  const message = delayed?.message ?? ownMessage(call, state, id)
  const text = fields.optional('text', (map, key) => map.string(key))
  const wants = (name: string): boolean => settings.strictEdit || fields.has(name)
  const elements = wants('elements') ? readElements(fields, 'elements') : undefined
  const attaches = wants('attachments') ? fields.maps('attachments') : undefined
  if (message.senderId !== account.id) throw noAccess()
  const isLate = world.now - timeOf(message.id) > settings.editTimeoutMs
  if (message.link?.type === 'FORWARD' || isLate) {
    throw new Refusal('error.message.invalid', 'The message cannot be edited')
  }
  const accepted = attaches && keepOrAccept(call, message, attaches)
  if (text !== undefined && text.length > settings.maxTextLength) {
    throw new Refusal('error.message.invalid', 'The text is too long')
  }
  message.text = text ?? message.text
  message.elements = elements ?? message.elements
  message.attaches = accepted ?? message.attaches
  if (delayed) return { message: requeue(call, state, delayed, delay) }
  message.editedAt = world.stamp()
  world.saveMessage(message)
  world.saveChat(state)
  pushes.message(state, message, { acting: connection })
  return { message: renderOwnMessage(state, message) }
}

/** What an attachment is known by when it comes back. */
const identities = [
  ...['photoToken', 'token', 'fileId', 'videoId', 'audioId', 'stickerId', 'contactId', 'vcfBody'],
  ...['shareId', 'latitude', 'callbackId'],
]

const isSame = (one: WireMap, other: WireMap): boolean => {
  const name = identities.find((key) => one[key] !== undefined)
  return one._type === other._type && name !== undefined && one[name] === other[name]
}

/** An edit keeps an attachment by sending back what history gave; anything else is a new one. */
const keepOrAccept = (call: OnlineCall, message: Message, attaches: WireMap[]): WireMap[] => {
  const poll = attaches.find(({ _type }) => _type === 'POLL')
  if (poll && pollOf(message)) return closePoll(message, poll)
  const kept = attaches.map((attach) => message.attaches.find((old) => isSame(old, attach)))
  const fresh = acceptAttaches(
    call,
    attaches.filter((_, at) => kept[at] === undefined),
  )
  return kept.map((attach) => attach ?? fresh.shift() ?? {})
}

/** 66: for everyone (own messages, or any as an admin), or out of my own view. */
export const deleteMessages = (call: OnlineCall): null => {
  const { world, pushes, connection, account, fields } = call
  const { state, member } = ownChat(call)
  const ids = fields.messageIds('messageIds')
  const forMe = fields.boolean('forMe')
  if (meansDelayed(fields)) return unqueue(call, state, ids)
  const messages = ids.flatMap((id) => world.message(state, id) ?? [])
  const visible = messages.filter(isVisibleTo(member))
  // Repeating a delete is an error (§3.2).
  if (visible.length === 0) throw new Refusal('not.found', 'Message not found')
  if (!forMe && !visible.every(mayDelete(state, account.id))) throw noAccess()
  for (const message of visible) {
    if (forMe) world.hideMessage(state, message, member)
    else world.removeMessage(state, message)
  }
  world.saveChat(state)
  if (forMe) {
    const hidden = visible.map((message) => message.id)
    pushes.hidden(state, hidden, account.id, connection)
  } else {
    for (const message of visible) pushes.removed(state, message, connection)
  }
  return null
}

/** Own messages, and those of others as an administrator. */
const mayDelete = (state: ChatState, userId: number): ((message: Message) => boolean) => {
  const moderates =
    state.chat.type === 'CHANNEL'
      ? may(state, userId, 'deleteMessages')
      : state.chat.type === 'CHAT' && isAdmin(state, userId)
  return (message) => moderates || message.senderId === userId
}

/** 92: everything of a stretch of time, for everybody; all of it must be the asker's to delete. */
export const deleteRange = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const { state, member } = ownChat(call)
  // 0 was refused by the live service (§3.2).
  const startTime = fields.integer('startTime', { min: 1 })
  const endTime = fields.integer('endTime', { min: startTime })
  const from = firstAtLeast(state.messages, BigInt(startTime) << 16n)
  const end = firstAtLeast(state.messages, BigInt(endTime + 1) << 16n)
  const messages = state.messages.slice(from, end).filter(isVisibleTo(member))
  if (!messages.every(mayDelete(state, account.id))) throw noAccess()
  for (const message of messages) world.removeMessage(state, message)
  world.saveChat(state)
  for (const { userId } of state.members.values()) {
    pushes.toAccount(
      userId,
      Opcode.NOTIF_MSG_DELETE_RANGE,
      {
        chat: renderChat(state, userId),
        startTime: wireTime(startTime),
        endTime: wireTime(endTime),
      },
      connection,
    )
  }
  return { chat: renderChat(state, account.id) }
}
