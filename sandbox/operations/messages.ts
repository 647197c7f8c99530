import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Fields } from '../fields.ts'
import { expandAttach, uploadedTypes } from '../media/attaches.ts'
import { dialogId, isVisibleTo, type Message, type MessageLink, timeOf } from '../records.ts'
import { chatNotFound, malformed, Refusal } from '../refusal.ts'
import { renderMessage, renderOwnMessage } from '../render.ts'
import { renderChat } from '../render-chat.ts'
import { isAdmin, may, noAccess } from '../rights.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import { hasBlocked } from './contacts.ts'
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
}

const readDraft = (call: OnlineCall, message: Fields): Draft => {
  const { settings } = call
  const draft: Draft = {
    cid: message.integer('cid'),
    text: message.optional('text', (map, key) => map.string(key)) ?? '',
    elements: message.optional('elements', readElements) ?? [],
    attaches: message.optional('attaches', (map, key) => map.maps(key)) ?? [],
    link: message.optional('link', (map, key) => map.map(key)),
  }
  if (message.has('delayedAttributes')) throw malformed("'delayedAttributes' not supported")
  if (draft.text.length > settings.maxTextLength) {
    throw new Refusal('error.message.invalid', 'The text is too long')
  }
  if (draft.text === '' && draft.attaches.length === 0 && !draft.link) {
    throw new Refusal('error.message.invalid', 'The message is empty')
  }
  return { ...draft, attaches: acceptAttaches(call, draft.attaches) }
}

/** Offsets count UTF-16 units; `from` may be missing and reads as 0 (§2.2). */
const readElements = (map: Fields, name: string): WireMap[] =>
  map.maps(name).map((element) => {
    const { from = 0, length } = element
    if (typeof element.type !== 'string') throw malformed("Expected string at 'type'")
    if (!Number.isSafeInteger(from)) throw malformed("Expected number at 'from'")
    if (length !== undefined && !Number.isSafeInteger(length)) {
      throw malformed("Expected number at 'length'")
    }
    return { ...element, from }
  })

/** What a client may attach without an upload. */
const withoutUpload = new Set(['CONTROL', 'STICKER', 'CONTACT', 'LOCATION', 'SHARE'])
/** What takes nothing beside it (§2.4). */
const alone = new Set(['CONTROL', 'FILE', 'AUDIO'])

/** The attachments as they will be kept: those of uploads in their full form (§4.4). */
const acceptAttaches = (call: OnlineCall, attaches: WireMap[]): WireMap[] => {
  const { world, settings, account } = call
  const stage = { uploads: world.uploads, settings, now: world.now }
  for (const { _type } of attaches) {
    if (typeof _type !== 'string') throw malformed("Expected string at '_type'")
    if (attaches.length > 1 && alone.has(_type)) throw malformed(`${_type} stands alone`)
    if (!withoutUpload.has(_type) && !uploadedTypes.has(_type)) {
      throw malformed(`'_type' unknown: ${_type}`)
    }
  }
  return attaches.map((attach) =>
    uploadedTypes.has(String(attach._type)) ? expandAttach(stage, account, attach) : attach,
  )
}

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

/** 67: the list is called `attachments` here, and an empty one removes what was attached (§3.2). */
export const editMessage = (call: OnlineCall): WireMap => {
  const { world, pushes, settings, connection, account, fields } = call
  const { state } = ownChat(call)
  const message = ownMessage(call, state, fields.messageId('messageId'))
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
  message.editedAt = world.stamp()
  world.saveMessage(message)
  world.saveChat(state)
  pushes.message(state, message, { acting: connection })
  return { message: renderOwnMessage(state, message) }
}

/** An edit keeps an attachment by sending back what history gave; anything else is a new one. */
const keepOrAccept = (call: OnlineCall, message: Message, attaches: WireMap[]): WireMap[] => {
  const kept = attaches.map((attach) =>
    message.attaches.find(
      (old) =>
        old._type === attach._type &&
        (old.photoToken ?? old.token) === (attach.photoToken ?? attach.token),
    ),
  )
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
  const messages = ids.flatMap((id) => world.message(state, id) ?? [])
  const visible = messages.filter(isVisibleTo(member))
  // Repeating a delete is an error (§3.2).
  if (visible.length === 0) throw new Refusal('not.found', 'Message not found')
  const moderates =
    state.chat.type === 'CHANNEL'
      ? may(state, account.id, 'deleteMessages')
      : state.chat.type === 'CHAT' && isAdmin(state, account.id)
  if (!forMe && !visible.every((message) => moderates || message.senderId === account.id)) {
    throw noAccess()
  }
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

/** 71: missing ids are simply absent. */
export const getMessages = (call: OnlineCall): WireMap => {
  const { world, fields } = call
  const { state, member } = ownChat(call)
  const messages = fields
    .messageIds('messageIds')
    .flatMap((id) => world.message(state, id) ?? [])
    .filter(isVisibleTo(member))
  return {
    chatId: wireId(state.chat.id),
    messages: messages.map((message) => renderMessage(state, message)),
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
