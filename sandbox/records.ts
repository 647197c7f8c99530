import type { WireMap } from '../schema/wire.ts'

/**
 * What a world holds. Records are plain data: each is one storage row. Times are Unix milliseconds;
 * message ids are `bigint`, user and chat ids numbers (operations-and-events.md §1.1).
 */
export interface Account {
  readonly id: number
  /** E.164 with the plus. */
  readonly phone: string
  firstName: string
  lastName?: string
  description?: string
  /** The cloud password; without one, a login needs no second factor. */
  password?: string
  readonly registeredAt: number
  updatedAt: number
  contactIds: number[]
  /** CONFIG: the account's own settings, and those of its chats by chat id. */
  settings: WireMap
  chatSettings: WireMap
  folders?: Folders
  seenAt: number
  /** What the account has made of others, by user id. */
  relations?: { [userId: string]: Relation }
  /** Profile photos, newest first: the first is the one that shows. */
  photoIds?: number[]
  /** Where those of them are that were uploaded, by id. */
  photoUrls?: { [photoId: string]: string }
  /** By chat key. */
  drafts?: { [chatKey: string]: Draft }
}

/** What one account has made of another: a name, a block, a farewell. */
export interface Relation {
  firstName?: string
  lastName?: string
  blocked?: true
  /** Once a contact, no longer one. */
  removed?: true
  changedAt: number
}

/** A message that is still being written; without `draft` it was discarded at that time. */
export interface Draft {
  time: number
  draft?: WireMap
}

/** Folders of an account in their order; `sync` is the time of the last change. */
export interface Folders {
  list: Folder[]
  sync: number
}
export interface Folder {
  readonly id: string
  title: string
  include: number[]
  filters: number[]
  options: number[]
  favorites: number[]
  emoji?: string
  updatedAt: number
}

/** What SESSION_INIT tells of a device. A token fits only the kind of device it was given to (§1). */
export interface Device {
  id: string
  kind: 'web' | 'mobile'
  name: string
  osVersion: string
  appVersion: string
}

/** One login of an account: it outlives connections and ends with LOGOUT. */
export interface Session {
  readonly id: string
  readonly userId: number
  /** Unset for a session that was made by hand: it fits every device. */
  readonly device?: Device
  readonly createdAt: number
  /** All stay valid, the newest is the one to use (wire-and-auth.md §6.5). */
  tokens: string[]
}

/** The photo of a chat. */
export interface Photo {
  id: number
  url: string
}

export interface Chat {
  /** Unique in the world, unlike `id`: everybody's saved messages have chat id 0. */
  readonly key: string
  readonly id: number
  readonly type: 'DIALOG' | 'CHAT' | 'CHANNEL'
  ownerId: number
  title?: string
  photo?: Photo
  description?: string
  access: 'PUBLIC' | 'PRIVATE'
  /** Token of the private invite link; none while it is removed. */
  linkToken?: string
  /** Name in the public link, unique in the world. */
  publicName?: string
  readonly createdAt: number
  modifiedAt: number
  /** Administrators by user id, the owner not among them. */
  admins: { [userId: string]: Admin }
  /** Flags that are on (operations-and-events.md §2.8). */
  options: { [flag: string]: boolean }
  /** Who may not come back. */
  blockedIds: number[]
  /** Since when each person waits to be let in. */
  joinRequests: { [userId: string]: number }
  /** Which reactions the chat takes; absent = all of them. */
  reactions?: ReactionSettings
  pinnedId?: bigint
}

/** `reactionIds` are the only ones taken if `included`, else those refused. */
export interface ReactionSettings {
  isActive: boolean
  /** Different reactions on one message. */
  count: number
  included: boolean
  reactionIds: string[]
  updateTime: number
}

export interface Admin {
  /** Bits of `schema/permissions.ts`. */
  permissions: number
  readonly inviterId: number
}

export interface Member {
  readonly chatKey: string
  readonly userId: number
  readonly joinedAt: number
  /** Time of the newest message read. */
  readMark: number
  /** Foreign messages newer than the mark, kept up to date so that a send never counts them. */
  unread: number
  markedUnread: boolean
  /** What was written before this time is not theirs to see: they came later, or cleared the chat. */
  historyFrom?: number
  /** The member took the chat out of their list until somebody writes. */
  view?: 'hidden' | 'removed'
  hidesPin?: true
  readonly inviterId?: number
}

export interface Message {
  readonly chatKey: string
  readonly id: bigint
  readonly senderId: number
  readonly type: 'USER' | 'CHANNEL'
  /** Absent on what the server wrote by itself. */
  readonly cid?: number
  text: string
  elements: WireMap[]
  attaches: WireMap[]
  /** Reply or forward; the linked message is kept as it was. */
  readonly link?: MessageLink
  editedAt?: number
  /** Emoji by user id. */
  reactions: { [userId: string]: string }
  hiddenFor: number[]
  /** Votes in the message's poll by user id. */
  votes?: { [userId: string]: Vote }
}

export interface Vote {
  readonly answerIds: number[]
  readonly at: number
}

export interface MessageLink {
  type: 'REPLY' | 'FORWARD'
  chatId: number
  message: { id: bigint; senderId: number; text: string; type: string; attaches: WireMap[] }
}

/** A message pushed to a session and not acknowledged by it yet. */
export interface Unacked {
  readonly sessionId: string
  readonly chatKey: string
  readonly messageId: bigint
  readonly senderId: number
}

/** `id >> 16` is a message's time, exactly (operations-and-events.md §1.1). */
export const timeOf = (messageId: bigint): number => Number(messageId >> 16n)

/** Dialog id of two people; 0 is the dialog with oneself. Exact beyond 32 bits. */
export const dialogId = (one: number, other: number): number => Number(BigInt(one) ^ BigInt(other))

/** Whether a member sees a message of the chat. */
export const isVisibleTo =
  (member: Member) =>
  (message: Message): boolean =>
    timeOf(message.id) >= (member.historyFrom ?? 0) && !message.hiddenFor.includes(member.userId)
