import {
  isWireMap,
  type WireMap,
  type WireValue,
  wireId,
  wireMessageId,
  wireTime,
} from '../schema/wire.ts'
import { fnv64 } from './hash.ts'
import { pollOf, renderPollState } from './polls.ts'
import type { Account, Device, Message, Session } from './records.ts'
import { timeOf } from './records.ts'
import type { Settings } from './settings.ts'
import { toRow } from './storage.ts'
import type { ChatState } from './world.ts'

/** Shared objects as MAX sends them (operations-and-events.md §2); ids and times are 64 bit there. */

export const fullName = (account: Account): string =>
  account.lastName ? `${account.firstName} ${account.lastName}` : account.firstName

/** A person as `viewer` sees them: the number of a stranger stays hidden. */
export const renderContact = (account: Account, viewer: Account): WireMap => {
  const relation = viewer.relations?.[account.id]
  return {
    id: wireId(account.id),
    names: [
      {
        name: fullName(account),
        firstName: account.firstName,
        lastName: account.lastName,
        type: 'ONEME',
      },
      // The viewer's own name for them stands beside theirs (operations-and-events.md §2.5).
      ...(relation?.firstName === undefined ? [] : [customName(relation.firstName, relation)]),
    ],
    phone:
      account === viewer || viewer.contactIds.includes(account.id)
        ? wireId(account.phone.slice(1))
        : undefined,
    description: account.description,
    options: ['TT', 'ONEME'],
    accountStatus: 0,
    status: relation?.blocked ? 'BLOCKED' : relation?.removed ? 'REMOVED' : undefined,
    country: 'RU',
    registrationTime: wireTime(account.registeredAt),
    updateTime: wireTime(account.updatedAt),
    ...renderAvatar(account),
  }
}

const customName = (firstName: string, { lastName }: { lastName?: string }): WireMap => ({
  name: lastName ? `${firstName} ${lastName}` : firstName,
  firstName,
  lastName,
  type: 'CUSTOM',
})

const renderAvatar = (account: Account): WireMap => {
  const photoId = account.photoIds?.[0]
  if (photoId === undefined) return {}
  const url = photoUrl(account, photoId)
  return { photoId: wireId(photoId), baseUrl: url, baseRawUrl: url }
}

/** Photos that a director made up are nowhere. */
export const photoUrl = ({ photoUrls }: Account, photoId: number): string =>
  photoUrls?.[photoId] ?? `https://i.oneme.ru/i?r=sandbox-${photoId}`

export const renderProfile = (account: Account): WireMap => ({
  contact: renderContact(account, account),
  // 2 = a cloud password is set (wire-and-auth.md §6.4).
  profileOptions: account.password === undefined ? [] : [2],
})

/** `seen` is in seconds, unlike every other time (operations-and-events.md §1.3). */
export const renderPresence = (account: Account, isOnline: boolean): WireMap => ({
  seen: Math.floor(account.seenAt / 1000),
  status: isOnline ? 1 : undefined,
})

export const renderReactions = (message: Message, viewerId?: number): WireMap => {
  const counters = new Map<string, number>()
  const emojis = Object.values(message.reactions)
  if (emojis.length === 0) return {}
  for (const emoji of emojis) counters.set(emoji, (counters.get(emoji) ?? 0) + 1)
  return {
    totalCount: emojis.length,
    counters: [...counters]
      .sort(([, a], [, b]) => b - a)
      .map(([reaction, count]) => ({ count, reaction })),
    yourReaction: viewerId === undefined ? undefined : message.reactions[viewerId],
  }
}

/** `viewerId` matters to polls alone: they mark what the viewer voted for. */
export const renderMessage = (state: ChatState, message: Message, viewerId?: number): WireMap => {
  const poll = pollOf(message)
  const pollState = poll && renderPollState(poll, message.votes ?? {}, viewerId)
  const inChannel = state.chat.type === 'CHANNEL'
  return {
    id: wireMessageId(message.id),
    time: wireTime(timeOf(message.id)),
    type: message.type,
    sender: inChannel ? undefined : wireId(message.senderId),
    text: message.text,
    cid: message.cid,
    // The server leaves a `from` of 0 out (§2.2).
    elements: message.elements.map((element) =>
      element.from === 0 ? { ...element, from: undefined } : element,
    ),
    attaches: message.attaches.map((attach) =>
      pollState ? { ...wrapIds(attach), state: pollState } : wrapIds(attach),
    ),
    link: message.link && {
      type: message.link.type,
      chatId: wireId(message.link.chatId),
      message: {
        id: wireMessageId(message.link.message.id),
        time: wireTime(timeOf(message.link.message.id)),
        sender: wireId(message.link.message.senderId),
        text: message.link.message.text,
        type: message.link.message.type,
        attaches: message.link.message.attaches.map(wrapIds),
      },
    },
    // Dialogs and chats always read `{}`, channels carry the counts (§2.1).
    reactionInfo: inChannel ? renderReactions(message) : {},
    status: message.editedAt === undefined ? undefined : 'EDITED',
    updateTime: message.editedAt === undefined ? undefined : wireTime(message.editedAt),
    ...(inChannel && { options: 1, stats: { views: 1 } }),
  }
}

/** The answers to 64 and 67 leave the markup out (§3.1). */
export const renderOwnMessage = (state: ChatState, message: Message): WireMap => {
  const { elements: _elements, ...rest } = renderMessage(state, message, message.senderId)
  return rest
}

/** All that is left of a deleted message. */
export const renderRemoved = (message: { id: bigint; senderId: number }): WireMap => ({
  id: wireMessageId(message.id),
  time: wireTime(timeOf(message.id)),
  type: 'USER',
  sender: wireId(message.senderId),
  text: '',
  attaches: [],
  status: 'REMOVED',
})

export const renderSession = (session: Session, isCurrent: boolean): WireMap => ({
  client: clientName(session.device),
  info: session.device ? `${session.device.osVersion}, ${session.device.name}` : 'Sandbox',
  location: 'Москва, Россия',
  time: wireTime(session.createdAt),
  current: isCurrent,
})

const clientName = (device: Device | undefined): string =>
  device?.kind === 'mobile' ? 'MAX ANDROID' : 'MAX WEB'

/** The `config` of LOGIN; clients cache it by hash (wire-and-auth.md §6.3). */
export const renderConfig = (account: Account, settings: Settings, knownHash: string): WireMap => {
  const hash = configHash(account)
  if (knownHash === hash) return { hash }
  const own = { hash, user: account.settings, chats: account.chatSettings }
  if (/[1-9a-f]/.test(knownHash)) return own
  return {
    ...own,
    server: {
      'chats-page-size': settings.chatsPageSize,
      'max-msg-length': settings.maxTextLength,
      'edit-timeout': settings.editTimeoutMs / 1000,
      'disconnect-timeout': 300,
      'keep-connection': 2,
    },
  }
}

/** Over what the account can change: equal settings have equal hashes. */
export const configHash = (account: Account): string =>
  fnv64(toRow([account.settings, account.chatSettings]))

/** Attachments are kept as they were sent; their ids go out 64 bit wide like all others. */
const wrapIds = (attach: WireMap): WireMap =>
  Object.fromEntries(Object.entries(attach).map(([key, value]) => [key, wrapId(key, value)]))

const wrapId = (key: string, value: WireValue): WireValue => {
  if (Array.isArray(value)) return value.map((item) => wrapId(key.replace(/Ids$/, 'Id'), item))
  if (isWireMap(value)) return wrapIds(value)
  // An answer of a poll is the one id that is small and bare (§1.1).
  if (!key.endsWith('Id') || key === 'answerId') return value
  if (typeof value === 'bigint') return wireId(value)
  return typeof value === 'number' && Number.isSafeInteger(value) ? wireId(value) : value
}
