import { Opcode } from '../../schema/opcodes.ts'
import { isWireMap, type WireMap } from '../../schema/wire.ts'
import { ownPhoto } from '../media/attaches.ts'
import { malformed, Refusal } from '../refusal.ts'
import { configHash, renderProfile } from '../render.ts'
import type { OnlineCall } from './operation.ts'

/** 16 writes the own profile; it reads nothing, and an empty one is refused. */
export const updateProfile = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  if (fields.isEmpty) throw malformed('Empty profile')
  const text = (name: string): string | undefined =>
    fields.optional(name, (map, key) => map.string(key))
  const firstName = text('firstName')
  const lastName = text('lastName')
  const description = text('description')
  if (fields.has('link')) throw new Refusal('link.not.available', 'Link is not available')
  if (firstName === '') throw malformed("'firstName' is empty")
  const photoToken = text('photoToken')
  if (photoToken !== undefined) {
    const { photoId, baseUrl } = ownPhoto(call, photoToken)
    account.photoIds = [photoId, ...(account.photoIds ?? [])]
    account.photoUrls = { ...account.photoUrls, [photoId]: baseUrl }
  }
  if (firstName !== undefined) account.firstName = firstName
  if (lastName !== undefined) account.lastName = lastName
  if (description !== undefined) account.description = description
  account.updatedAt = world.stamp()
  world.saveAccount(account)
  const profile = renderProfile(account)
  pushes.toAccount(account.id, Opcode.NOTIF_PROFILE, { profile }, connection)
  return { profile }
}

/** 22 writes settings of the account or of single chats; other sessions hear of it (134). */
export const updateConfig = (call: OnlineCall): WireMap | null => {
  const { world, pushes, connection, account, fields } = call
  if (!fields.has('settings')) {
    fields.string('pushToken')
    return null
  }
  const settings = fields.map('settings')
  const user = settings.raw('user')
  const chats = settings.raw('chats')
  if (user !== undefined && !isWireMap(user)) throw malformed("Expected map at 'user'")
  if (chats !== undefined && !isWireMap(chats)) throw malformed("Expected map at 'chats'")
  if (!user && !chats) throw malformed("Expected map at 'settings'")
  if (user) checkUserSettings(user)
  account.settings = { ...account.settings, ...user }
  account.chatSettings = { ...account.chatSettings, ...chats }
  world.saveAccount(account)
  const hash = configHash(account)
  const config = { hash, user: account.settings, chats: account.chatSettings }
  pushes.toAccount(account.id, Opcode.NOTIF_CONFIG, { config }, connection)
  return user ? { user: account.settings, hash } : { hash }
}

/** 43 takes one of the own profile photos away. */
export const removePhoto = (call: OnlineCall): WireMap => {
  const { world, pushes, connection, account, fields } = call
  const photoId = fields.integer('photoId')
  if (!account.photoIds?.includes(photoId)) throw new Refusal('not.found', 'Photo not found')
  account.photoIds = account.photoIds.filter((id) => id !== photoId)
  account.updatedAt = world.stamp()
  world.saveAccount(account)
  const profile = renderProfile(account)
  pushes.toAccount(account.id, Opcode.NOTIF_PROFILE, { profile }, connection)
  return {}
}

/** Values that the known settings may have (operations-and-events.md §3.4); others pass. */
const audience = new Set<unknown>(['ALL', 'CONTACTS', 'NOBODY', '_NONE_'])
const userSettings: Record<string, (value: unknown) => boolean> = {
  SEARCH_BY_PHONE: (value) => value === 'ALL' || value === 'CONTACTS',
  INCOMING_CALL: (value) => audience.has(value),
  CHATS_INVITE: (value) => audience.has(value),
  PHONE_NUMBER_PRIVACY: (value) => audience.has(value),
  HIDDEN: (value) => typeof value === 'boolean',
  SHOW_READ_MARK: (value) => typeof value === 'boolean',
  AUDIO_TRANSCRIPTION_ENABLED: (value) => typeof value === 'boolean',
  UNSAFE_FILES: (value) => typeof value === 'boolean',
  INACTIVE_TTL: (value) => typeof value === 'string',
}

const checkUserSettings = (user: WireMap): void => {
  for (const [key, value] of Object.entries(user)) {
    if (userSettings[key]?.(value) === false) throw malformed(`'${key}' out of range`)
  }
}
