import { hasSetting } from '../../schema/polls.ts'
import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Fields } from '../fields.ts'
import { denied, pollOf } from '../polls.ts'
import { dialogId, isVisibleTo, type Message, type MessageLink, timeOf } from '../records.ts'
import { chatNotFound, malformed, Refusal } from '../refusal.ts'
import { renderMessage, renderOwnMessage } from '../render.ts'
import { renderChat } from '../render-chat.ts'
import { may, noAccess } from '../rights.ts'
import type { ChatState } from '../world.ts'
import { acceptAttaches } from './attaches.ts'
import { ownChat } from './chats.ts'
import { hasBlocked } from './contacts.ts'
import { enqueue, readDelay } from './delayed.ts'
import type { OnlineCall } from './operation.ts'

/** 64: a message, or with a CONTROL `new` and no chat, a group or channel. */
export const sendMessage = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const draft = readDraft(call, fields.map('message'))
  fields.optional('notify', (map, key) => map.boolean(key))
  const group = draft.attaches.find((attach) => attach._type === 'CONTROL')
  if (group) return createGroup(call, draft, group)

  const state = targetChat(call)
  const member = state.members.get(account.id)
  if (!member) throw chatNotFound()
  if (state.chat.type === 'CHANNEL' && !may(state, account.id, 'postMessages')) throw noAccess()
  refuseBlocked(call, state)
  if (draft.delay) {
    const message = enqueue(call, state, newMessage(call, state, draft), draft.delay)
    const { unread, readMark } = member
    return { chatId: wireId(state.chat.id), message, unread, mark: wireTime(readMark) }
  }
  const known = world.messageByCid(state, account.id, draft.cid)
  const message = known ?? newMessage(call, state, draft)
  if (!known) {
    world.addMessage(state, message)
    pushes.message(state, message, { acting: connection })
  }
  return {
    chatId: wireId(state.chat.id),
    message: renderOwnMessage(state, message),
    unread: member.unread,
    mark: wireTime(member.readMark),
  }
}

interface Draft {
  cid: number
  text: string
  elements: WireMap[]
  attaches: WireMap[]
  link: Fields | undefined
  delay: { fireAt: number; notifySender: boolean } | undefined
}

const readDraft = (call: OnlineCall, message: Fields): Draft => {
  const { settings } = call
  const draft: Draft = {
    cid: message.integer('cid'),
    text: message.optional('text', (map, key) => map.string(key)) ?? '',
    elements: message.optional('elements', readElements) ?? [],
    attaches: message.optional('attaches', (map, key) => map.maps(key)) ?? [],
    link: message.optional('link', (map, key) => map.map(key)),
    delay: message.optional('delayedAttributes', (map, key) => readDelay(call.world, map.map(key))),
  }
  if (draft.text.length > settings.maxTextLength) {
    throw new Refusal('error.message.invalid', 'The text is too long')
  }
  if (draft.text === '' && draft.attaches.length === 0 && !draft.link) {
    throw new Refusal('error.message.invalid', 'The message is empty')
  }
  if (draft.text !== '' && draft.attaches.some(({ _type }) => _type === 'POLL')) {
    throw malformed('A poll has no text')
  }
  return { ...draft, attaches: acceptAttaches(call, draft.attaches) }
}

/** Offsets count UTF-16 units; `from` may be missing and reads as 0 (§2.2). */
export const readElements = (map: Fields, name: string): WireMap[] =>
  map.maps(name).map((element) => {
    const { from = 0, length } = element
    if (typeof element.type !== 'string') throw malformed("Expected string at 'type'")
    if (!Number.isSafeInteger(from)) throw malformed("Expected number at 'from'")
    if (length !== undefined && !Number.isSafeInteger(length)) {
      throw malformed("Expected number at 'length'")
    }
    return { ...element, from }
  })

/** By `chatId`, or by `userId` when no dialog exists yet; both make the dialog on demand (§3.1). */
const targetChat = ({ world, account, fields }: OnlineCall): ChatState => {
  const userId = fields.optional('userId', (map, key) => map.integer(key))
  const chatId = fields.has('chatId')
    ? fields.integer('chatId')
    : dialogId(userId ?? missing('chatId'), account.id)
  const known = world.chat(account.id, chatId)
  if (known) return known
  const other = dialogId(chatId, account.id)
  if (chatId <= 0 || !world.accounts.has(other)) throw chatNotFound()
  return world.dialog(account.id, other)
}

/** Whom the other side of a dialog has blocked cannot write there (§6.3). */
const refuseBlocked = ({ world, account }: OnlineCall, { chat }: ChatState): void => {
  const other = chat.type === 'DIALOG' ? dialogId(chat.id, account.id) : 0
  if (hasBlocked(world.accounts.get(other), account)) {
    throw new Refusal('contact.blocked', 'You are blocked')
  }
}

const missing = (name: string): never => {
  throw malformed(`Expected number at '${name}'`)
}

const newMessage = (call: OnlineCall, state: ChatState, draft: Draft): Message => {
  const link = draft.link && readLink(call, state, draft.link)
  return {
    chatKey: state.chat.key,
    id: call.world.nextMessageId(),
    senderId: call.account.id,
    type: state.chat.type === 'CHANNEL' ? 'CHANNEL' : 'USER',
    cid: draft.cid,
    text: draft.text,
    elements: draft.elements,
    attaches: draft.attaches,
    reactions: {},
    hiddenFor: [],
    ...(link && { link }),
  }
}

const readLink = (call: OnlineCall, state: ChatState, link: Fields): MessageLink => {
  const { world, account } = call
  const type = link.string('type')
  if (type !== 'REPLY' && type !== 'FORWARD') throw malformed("'type' unknown")
  const source = type === 'REPLY' ? state : world.chat(account.id, link.integer('chatId'))
  if (!source?.members.has(account.id)) throw chatNotFound()
  const id = type === 'REPLY' ? link.messageId('messageId') : link.forwardedMessageId('messageId')
  const linked = world.message(source, id)
  if (!linked) throw new Refusal('not.found', 'The linked message does not exist')
  const { senderId, text, attaches } = linked
  const poll = pollOf(linked)
  if (type === 'FORWARD' && poll && !hasSetting(poll.settings, 'forwardable')) throw denied()
  return {
    type,
    chatId: source.chat.id,
    message: { id, senderId, text, type: linked.type, attaches },
  }
}

const createGroup = (call: OnlineCall, draft: Draft, control: WireMap): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const { event, chatType, title, userIds = [] } = control
  if (event !== 'new' || fields.has('chatId')) throw malformed("'event' unknown")
  if (chatType !== 'CHAT' && chatType !== 'CHANNEL') throw malformed("'chatType' unknown")
  if (typeof title !== 'string' || title === '') throw malformed("Expected string at 'title'")
  const invited = Array.isArray(userIds) ? userIds : missing('userIds')
  const known = invited.map((id) =>
    typeof id === 'number' && world.accounts.has(id) && id !== account.id ? id : missing('userIds'),
  )
  const state = world.createGroup({
    type: chatType,
    ownerId: account.id,
    title,
    userIds: [...new Set(known)],
  })
  const message = newMessage(call, state, draft)
  world.addMessage(state, message)
  pushes.message(state, message, { acting: connection, withChat: true })
  pushes.chat(state, connection)
  const member = state.members.get(account.id)
  return {
    chatId: wireId(state.chat.id),
    chat: renderChat(state, account.id),
    message: renderOwnMessage(state, message),
    unread: 0,
    mark: wireTime(member?.readMark ?? timeOf(message.id)),
  }
}

/** 71: missing ids are simply absent. */
export const getMessages = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const { state, member } = ownChat(call)
  const messages = fields
    .messageIds('messageIds')
    .flatMap((id) => world.message(state, id) ?? [])
    .filter(isVisibleTo(member))
  return {
    chatId: wireId(state.chat.id),
    messages: messages.map((message) => renderMessage(state, message, account.id)),
  }
}

/** A message the asker can see. */
export const ownMessage = ({ world, account }: OnlineCall, state: ChatState, id: bigint) => {
  const message = world.message(state, id)
  const member = state.members.get(account.id)
  if (!message || !member || !isVisibleTo(member)(message)) {
    throw new Refusal('not.found', `Message ${id} not found`)
  }
  return message
}
