import { Opcode } from '../../schema/opcodes.ts'
import { isWireMap, type WireMap, wireTime } from '../../schema/wire.ts'
import { malformed, Refusal } from '../refusal.ts'
import { configHash, renderContact, renderPresence, renderProfile } from '../render.ts'
import type { OnlineCall } from './operation.ts'

/** 32: unknown ids are left out. */
export const contactInfo = ({ world, account, fields }: OnlineCall): WireMap => ({
  contacts: fields.integers('contactIds').flatMap((id) => {
    const contact = world.accounts.get(id)
    return contact ? [renderContact(contact, account)] : []
  }),
})

/** 46 */
export const contactByPhone = ({ world, account, fields }: OnlineCall): WireMap => {
  const contact = world.accountByPhone(fields.string('phone'))
  if (!contact) throw new Refusal('not.found', 'User not found')
  return { contact: { ...renderContact(contact, account) } }
}

/** 35: by ids, or with `sync` everybody in the contact list. */
export const presence = ({ world, pushes, account, fields }: OnlineCall): WireMap => {
  const ids = fields.has('sync') ? account.contactIds : fields.integers('contactIds')
  const known = ids.flatMap((id) => world.accounts.get(id) ?? [])
  return {
    presence: Object.fromEntries(
      known.map((contact) => [
        contact.id,
        renderPresence(contact, pushes.connectionsOf(contact.id).size > 0),
      ]),
    ),
    time: wireTime(world.now),
  }
}

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
  account.settings = { ...account.settings, ...user }
  account.chatSettings = { ...account.chatSettings, ...chats }
  world.saveAccount(account)
  const hash = configHash(account)
  const config = { hash, user: account.settings, chats: account.chatSettings }
  pushes.toAccount(account.id, Opcode.NOTIF_CONFIG, { config }, connection)
  return user ? { user: account.settings, hash } : { hash }
}
