import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Account, Device } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import {
  renderConfig,
  renderContact,
  renderPresence,
  renderProfile,
  renderSession,
} from '../render.ts'
import { lastEventTime, renderChat } from '../render-chat.ts'
import type { World } from '../world.ts'
import { isListed } from './chats.ts'
import { renderDrafts } from './drafts.ts'
import type { GreetedCall, OnlineCall, OpenCall } from './operation.ts'

/** SESSION_INIT: the first frame of every connection (wire-and-auth.md §5). */
export const greet = ({ connection, fields }: OpenCall): WireMap => {
  if (connection.stage.name !== 'open') throw new Refusal('proto.state', 'Already initialized')
  const agent = fields.map('userAgent')
  const deviceType = agent.string('deviceType')
  const device: Device = {
    id: fields.string('deviceId'),
    kind: deviceType === 'WEB' ? 'web' : 'mobile',
    name: agent.optional('deviceName', (map, key) => map.string(key)) ?? 'unknown',
    osVersion: agent.optional('osVersion', (map, key) => map.string(key)) ?? 'unknown',
    appVersion: agent.string('appVersion'),
  }
  connection.stage = { name: 'greeted', device }
  return {
    location: 'RU',
    'reg-country-code': ['AZ', 'AM', 'KZ', 'KG', 'MD', 'TJ', 'UZ', 'GE', 'TR', 'TM'],
    'phone-auth-enabled': true,
    lang: true,
    callsSeed: device.kind === 'mobile' && deviceType !== 'IOS' ? wireId(7) : undefined,
  }
}

/** LOGIN with a saved token; the markers ask for what changed since (§6). */
export const login = (call: GreetedCall): WireMap => {
  const { world, pushes, settings, connection, fields, device } = call
  const token = fields.string('token')
  const chatsCount =
    fields.optional('chatsCount', (map, key) =>
      map.integer(key, { min: 0, max: settings.maxChatsCount }),
    ) ?? 40
  const chatsSync = marker(call, 'chatsSync')
  const contactsSync = marker(call, 'contactsSync')
  const presenceSync = marker(call, 'presenceSync')
  const draftsSync = marker(call, 'draftsSync')
  const interactive = fields.boolean('interactive')
  const knownHash = fields.optional('configHash', (map, key) => map.string(key)) ?? ''

  const session = world.sessions.byToken(token)
  const account = session && world.accounts.get(session.userId)
  const fits = session?.device === undefined || session.device.kind === device.kind
  if (!session || !account || !fits) throw new Refusal('login.token', 'FAIL_LOGIN_TOKEN')

  const previous = connection.session
  if (previous && previous.userId !== account.id) pushes.leave(previous.userId, connection)
  connection.stage = { name: 'online', device, session }
  connection.interactive = interactive
  pushes.join(account.id, connection)
  pushes.resend(connection, session)

  const time = world.marker()
  const contacts = account.contactIds.flatMap((id) => world.accounts.get(id) ?? [])
  const isNewer = (at: number, since: number): boolean => since <= 0 || at > since
  const chats = [...world.chatsOf(account.id)]
    .filter((state) => isListed(state, account.id) && isNewer(state.chat.modifiedAt, chatsSync))
    .sort((a, b) => lastEventTime(b) - lastEventTime(a))
  return {
    profile: renderProfile(account),
    chats: chats.slice(0, chatsCount).map((state) => renderChat(state, account.id)),
    chatMarker: 0,
    messages: {},
    contacts: [...contacts, ...(contactsSync > 0 ? farewells(world, account) : [])]
      .filter((contact) => isNewer(changedAt(contact, account), contactsSync))
      .map((contact) => renderContact(contact, account)),
    presence: Object.fromEntries(
      contacts
        .filter((contact) => isNewer(contact.seenAt, presenceSync))
        .map((contact) => [
          contact.id,
          renderPresence(contact, pushes.connectionsOf(contact.id).size > 0),
        ]),
    ),
    drafts: renderDrafts(world, account, draftsSync),
    calls: [],
    config: renderConfig(account, settings, knownHash),
    token: handBack(call, token),
    time: wireTime(time),
    videoChatHistory: false,
  }
}

/** The later of what the person and what the account has changed about them. */
const changedAt = (contact: Account, { relations }: Account): number =>
  Math.max(contact.updatedAt, relations?.[contact.id]?.changedAt ?? 0)

/** Who is no contact any more: a delta names them once, as REMOVED. */
const farewells = (world: World, { relations = {} }: Account): Account[] =>
  Object.entries(relations).flatMap(([id, relation]) =>
    relation.removed ? (world.accounts.get(Number(id)) ?? []) : [],
  )

const marker = ({ fields }: GreetedCall, name: string): number =>
  fields.optional(name, (map, key) => map.integer(key)) ?? 0

/** An aged token is replaced at LOGIN; what to hand back is a setting (§6.5). */
const handBack = ({ world, settings }: GreetedCall, token: string): string | undefined => {
  if (settings.rotateToken === 'absent') return undefined
  const session = world.sessions.byToken(token)
  return settings.rotateToken === 'new' && session ? world.sessions.addToken(session) : token
}

export const logout = ({ world, pushes, connection, session, device }: OnlineCall): null => {
  world.sessions.end(session)
  for (const other of pushes.connectionsOf(session.userId)) {
    if (other !== connection && other.session === session) other.close(1000, 'logged out')
  }
  pushes.leave(session.userId, connection)
  connection.stage = { name: 'greeted', device }
  return null
}

export const listSessions = ({ world, session }: OnlineCall): WireMap => ({
  sessions: [...world.sessions.of(session.userId)].map((other) =>
    renderSession(other, other === session),
  ),
})

/** Ends every other session and replaces this one's tokens (§7). */
export const closeSessions = ({ world, pushes, session }: OnlineCall): WireMap => {
  for (const other of [...world.sessions.of(session.userId)]) {
    if (other === session) continue
    world.sessions.end(other)
    for (const connection of [...pushes.connectionsOf(session.userId)]) {
      if (connection.session === other) connection.close(1000, 'session closed')
    }
  }
  return { token: world.sessions.replaceTokens(session) }
}

export const ping = ({ connection, fields }: OpenCall): null => {
  if (!fields.isEmpty) connection.interactive = fields.boolean('interactive')
  return null
}

/** Telemetry: read for its form, then forgotten. */
export const log = ({ fields }: OpenCall): null => {
  for (const event of fields.maps('events')) {
    if (typeof event.type !== 'string') throw malformed("Expected string at 'type'")
  }
  return null
}
