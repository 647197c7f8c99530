import { Opcode } from '../../schema/opcodes.ts'
import { isWireMap, type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Account, Relation } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import { photoUrl, renderContact, renderPresence } from '../render.ts'
import type { World } from '../world.ts'
import type { OnlineCall } from './operation.ts'

/** People and what an account makes of them (operations-and-events.md §3.5). */

const userNotFound = (): Refusal => new Refusal('user.not.found', 'User not found')

/** 32: unknown ids are left out. */
export const contactInfo = ({ world, account, fields }: OnlineCall): WireMap => {
  const ids = fields.integers('contactIds')
  if (ids.length > 100) throw malformed("'contactIds' has more than 100 entries")
  return {
    contacts: ids.flatMap((id) => {
      const contact = world.accounts.get(id)
      return contact ? [renderContact(contact, account)] : []
    }),
  }
}

/** 46: whoever lets only contacts find them by number does not exist for the others. */
export const contactByPhone = ({ world, account, fields }: OnlineCall): WireMap => {
  const contact = world.accountByPhone(fields.string('phone'))
  if (!contact || !isFoundBy(contact, account)) throw new Refusal('not.found', 'User not found')
  return { contact: renderContact(contact, account) }
}

const isFoundBy = (contact: Account, asker: Account): boolean =>
  contact === asker ||
  contact.settings.SEARCH_BY_PHONE !== 'CONTACTS' ||
  contact.contactIds.includes(asker.id)

/** 34: each action changes the asker's own view; their other sessions hear of it (131). */
export const updateContact = (call: OnlineCall): WireMap | null => {
  const { world, account, fields } = call
  const contact = world.accounts.get(fields.integer('contactId'))
  const action = fields.string('action')
  const firstName = fields.optional('firstName', (map, key) => map.string(key))
  const lastName = fields.optional('lastName', (map, key) => map.string(key))
  if (!contact || contact === account) throw userNotFound()
  const names =
    firstName === undefined ? {} : { firstName, lastName: lastName === '' ? undefined : lastName }
  switch (action) {
    case 'ADD':
      relate(call, contact, { ...names, removed: undefined })
      addContact(world, account, contact)
      return told(call, contact)
    case 'UPDATE':
      if (!firstName) throw malformed("Expected string at 'firstName'")
      relate(call, contact, names)
      return told(call, contact)
    case 'REMOVE':
      if (account.contactIds.includes(contact.id)) relate(call, contact, { removed: true })
      account.contactIds = account.contactIds.filter((id) => id !== contact.id)
      world.saveAccount(account)
      told(call, contact)
      return null
    case 'BLOCK':
    case 'UNBLOCK':
      relate(call, contact, { blocked: action === 'BLOCK' ? true : undefined })
      told(call, contact)
      return {}
    default:
      throw malformed("'action' unknown")
  }
}

/** 21: a phone book. Who is on MAX and may be found by number becomes a contact. */
export const importContacts = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const book = fields.raw('contactList')
  if (!isWireMap(book)) throw malformed("Expected map at 'contactList'")
  const phones: WireMap = {}
  const contacts: WireMap[] = []
  for (const [phone, entry] of Object.entries(book)) {
    const name = isWireMap(entry) ? entry.firstName : undefined
    if (typeof name !== 'string') throw malformed("Expected string at 'firstName'")
    const contact = world.accountByPhone(phone)
    if (!contact || contact === account || !isFoundBy(contact, account)) continue
    relate(call, contact, { firstName: name, removed: undefined })
    addContact(world, account, contact)
    phones[phone] = wireId(contact.id)
    contacts.push(renderContact(contact, account))
    told(call, contact)
  }
  return { phones, contacts }
}

/** 36: the blocked ones. Other shapes of it end the connection. */
export const listContacts = ({ world, account, fields }: OnlineCall): WireMap => {
  if (fields.has('marker')) {
    throw new Refusal('proto.payload', "Unknown field 'marker'", { closes: true })
  }
  if (fields.string('status') !== 'BLOCKED') throw malformed("'status' unknown")
  const from = fields.integer('from', { min: 0 })
  const count = fields.integer('count', { min: 1, max: 100 })
  const blocked = Object.entries(account.relations ?? {}).flatMap(([id, relation]) =>
    relation.blocked ? (world.accounts.get(Number(id)) ?? []) : [],
  )
  return {
    contacts: blocked.slice(from, from + count).map((contact) => renderContact(contact, account)),
  }
}

/** 39: a person's profile photos, newest first. */
export const contactPhotos = ({ world, fields }: OnlineCall): WireMap => {
  const contact = world.accounts.get(fields.integer('contactId'))
  const from = fields.integer('from', { min: 0 })
  const count = fields.integer('count', { min: 1, max: 100 })
  if (!contact) throw userNotFound()
  const all = contact.photoIds ?? []
  const page = all.slice(from, from + count)
  return { urls: page.map((id) => photoUrl(contact, id)), ids: page.map(wireId), total: all.length }
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

/** Whether a person has shut the other out: such a message does not arrive. */
export const hasBlocked = (person: Account | undefined, other: Account): boolean =>
  person?.relations?.[other.id]?.blocked === true

const addContact = (world: World, account: Account, contact: Account): void => {
  if (!account.contactIds.includes(contact.id)) account.contactIds.push(contact.id)
  world.saveAccount(account)
}

/** Fields of `change` that are present replace the old ones, `undefined` removes. */
const relate = (
  { world, account }: OnlineCall,
  contact: Account,
  change: { [Field in keyof Relation]?: Relation[Field] | undefined },
): void => {
  const merged = { ...account.relations?.[contact.id], ...change, changedAt: world.stamp() }
  const known = Object.entries(merged).filter(([, value]) => value !== undefined)
  account.relations = {
    ...account.relations,
    [contact.id]: Object.fromEntries(known) as unknown as Relation,
  }
  world.saveAccount(account)
}

/** Tells the asker's other sessions, and makes the answer. */
const told = ({ pushes, connection, account }: OnlineCall, contact: Account): WireMap => {
  const seen = { contact: renderContact(contact, account) }
  pushes.toAccount(account.id, Opcode.NOTIF_CONTACT, seen, connection)
  return seen
}
