import type { WireMap } from '../../schema/wire.ts'
import { ownPhoto } from '../media/attaches.ts'
import { chatNotFound, malformed, Refusal } from '../refusal.ts'
import { renderChat } from '../render-chat.ts'
import { may, memberMay, noAccess } from '../rights.ts'
import { announce } from '../service-message.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import type { OnlineCall } from './operation.ts'
import { changePin, refusePin } from './pin.ts'

/** One kind of change that 55 makes, and the fields it is asked for with. */
interface Change {
  readonly fields: readonly string[]
  run(call: OnlineCall, state: ChatState): void
}

/** 55: exactly one kind of change per request (operations-and-events.md §3.6); none is acked. */
export const updateChat = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const { state } = ownChat(call)
  const asked = changes.filter((change) => change.fields.some((name) => fields.has(name)))
  if (asked.length > 1) throw malformed('One change at a time')
  if (state.chat.type === 'DIALOG') {
    throw fields.has('pinMessageId') ? refusePin(call) : chatNotFound()
  }
  for (const change of asked) {
    change.run(call, state)
    world.saveChat(state)
    pushes.chat(state, connection)
  }
  return { chat: renderChat(state, account.id) }
}

/** The title is called `theme`; an empty description takes it away. */
const changeProfile = (call: OnlineCall, state: ChatState): void => {
  const { account, fields } = call
  const { chat } = state
  const title = fields.optional('theme', (map, key) => map.string(key))
  const description = fields.optional('description', (map, key) => map.string(key))
  const isReserved = chat.options.ONLY_OWNER_CAN_CHANGE_ICON_TITLE
  if (!memberMay(state, isReserved) && !may(state, account.id, 'changeInfo')) throw noAccess()
  if (title === '') throw malformed("'theme' is empty")
  if (description === '') delete chat.description
  else if (description !== undefined) chat.description = description
  if (title === undefined || title === chat.title) return
  chat.title = title
  announce(call, state, { event: 'title', title })
}

/** A photo that was uploaded before; an empty token takes the photo away. */
const changePhoto = (call: OnlineCall, state: ChatState): void => {
  const { account, fields } = call
  const { chat } = state
  const token = fields.string('photoToken')
  const isReserved = chat.options.ONLY_OWNER_CAN_CHANGE_ICON_TITLE
  if (!memberMay(state, isReserved) && !may(state, account.id, 'changeInfo')) throw noAccess()
  if (token === '') {
    delete chat.photo
    return
  }
  const { photoId, baseUrl } = ownPhoto(call, token)
  chat.photo = { id: photoId, url: baseUrl }
  announce(call, state, { event: 'icon', photoId, url: baseUrl, fullUrl: baseUrl })
}

/** Flags that a client may set (§2.8); the others are MAX's own. */
const writableOptions = new Set([
  'ALL_CAN_PIN_MESSAGE',
  'ONLY_ADMIN_CAN_ADD_MEMBER',
  'ONLY_ADMIN_CAN_CALL',
  'ONLY_OWNER_CAN_CHANGE_ICON_TITLE',
  'MEMBERS_CAN_SEE_PRIVATE_LINK',
  'COMMENTS',
])

const changeOptions = ({ account, fields }: OnlineCall, state: ChatState): void => {
  const options = fields.map('options').entries
  for (const [flag, value] of options) {
    if (!writableOptions.has(flag)) throw malformed(`'${flag}' unknown`)
    if (typeof value !== 'boolean') throw malformed(`Expected boolean at '${flag}'`)
  }
  if (!may(state, account.id, 'changeInfo')) throw noAccess()
  for (const [flag, value] of options) state.chat.options[flag] = value === true
}

const revokeLink = ({ world, account, fields }: OnlineCall, state: ChatState): void => {
  requireTrue(fields.boolean('revokePrivateLink'), 'revokePrivateLink')
  if (!may(state, account.id, 'changeLink')) throw noAccess()
  state.chat.linkToken = world.hex(32)
}

/** Without its name a public chat is a private one. */
const removeLink = ({ account, fields }: OnlineCall, state: ChatState): void => {
  requireTrue(fields.boolean('removeLink'), 'removeLink')
  if (!may(state, account.id, 'changeLink')) throw noAccess()
  const { chat } = state
  if (chat.publicName === undefined) delete chat.linkToken
  delete chat.publicName
  chat.access = 'PRIVATE'
}

const setPublicName = (call: OnlineCall, state: ChatState): void => {
  const { account, fields } = call
  const name = fields.string('link')
  if (!may(state, account.id, 'changeLink')) throw noAccess()
  requireFree(call, name, state)
  state.chat.publicName = name
  state.chat.access = 'PUBLIC'
}

const setAccess = ({ account, fields, world }: OnlineCall, state: ChatState): void => {
  const access = fields.string('access')
  if (access !== 'PUBLIC' && access !== 'PRIVATE') throw malformed("'access' unknown")
  if (!may(state, account.id, 'changeLink')) throw noAccess()
  const { chat } = state
  if (access === 'PUBLIC' && chat.publicName === undefined) {
    throw new Refusal('link.required', 'A public chat needs a link')
  }
  chat.access = access
  if (access === 'PUBLIC') return
  delete chat.publicName
  chat.linkToken ??= world.hex(32)
}

const transfer = ({ account, fields }: OnlineCall, state: ChatState): void => {
  const { chat } = state
  const ownerId = fields.integer('changeOwnerId')
  if (chat.ownerId !== account.id) throw noAccess()
  if (!state.members.has(ownerId)) throw new Refusal('user.not.found', 'Not a member')
  chat.ownerId = ownerId
  delete chat.admins[ownerId]
}

const changes: readonly Change[] = [
  { fields: ['theme', 'description'], run: changeProfile },
  { fields: ['photoToken'], run: changePhoto },
  { fields: ['options'], run: changeOptions },
  { fields: ['revokePrivateLink'], run: revokeLink },
  { fields: ['removeLink'], run: removeLink },
  { fields: ['link'], run: setPublicName },
  { fields: ['access'], run: setAccess },
  { fields: ['changeOwnerId'], run: transfer },
  { fields: ['pinMessageId'], run: changePin },
]

/** 56: an empty answer means that the public name is free. */
export const checkLink = (call: OnlineCall): null => {
  call.fields.string('linkType')
  requireFree(call, call.fields.string('link'))
  return null
}

const requireFree = ({ world }: OnlineCall, name: string, own?: ChatState): void => {
  const isName = /^[a-z]\w{4,31}$/i.test(name)
  const taken = world.chatByLink({ name })
  if (!isName || (taken !== undefined && taken !== own)) {
    throw new Refusal('link.not.available', 'Link is not available')
  }
}

const requireTrue = (value: boolean, name: string): void => {
  if (!value) throw malformed(`'${name}' must be true`)
}
