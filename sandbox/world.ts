import { DelayedQueue } from './delayed.ts'
import type { FaultStore, ScriptedFault } from './faults.ts'
import { addTo } from './index-set.ts'
import { Uploads } from './media/uploads.ts'
import type { Account, Chat, Member, Message } from './records.ts'
import { dialogId, isVisibleTo, timeOf } from './records.ts'
import { Sessions } from './sessions.ts'
import type { Host } from './settings.ts'
import { fromRow, Rows, type Storage } from './storage.ts'
import { firstAtLeast } from './window.ts'

/** A chat with what hangs on it. `messages` ascend by id, which is also by time. */
export interface ChatState {
  readonly chat: Chat
  readonly members: Map<number, Member>
  readonly messages: Message[]
  /** The dedupe of sends: one message per (sender, chat, cid). */
  readonly byCid: Map<string, Message>
}

export interface NewAccount {
  phone: string
  firstName: string
  lastName?: string
  password?: string
  id?: number
}
export interface NewGroup {
  type: 'CHAT' | 'CHANNEL'
  ownerId: number
  title: string
  userIds: number[]
}

/**
 * Everything the server remembers, with its rows kept in step. It knows no protocol: it indexes,
 * counts and persists. Every lookup a send needs is a map access or a binary search.
 */
export class World {
  readonly accounts = new Map<number, Account>()
  readonly #host: Host
  readonly #rows: Rows
  readonly sessions: Sessions
  readonly uploads: Uploads
  readonly delayed: DelayedQueue
  readonly #byPhone = new Map<string, Account>()
  readonly #chats = new Map<string, ChatState>()
  readonly #chatsOf = new Map<number, Set<ChatState>>()
  #lastMessageId = 0n
  #faults: ScriptedFault[] = []

  constructor(host: Host, storage?: Storage) {
    this.#host = host
    this.#rows = new Rows(storage)
    this.sessions = new Sessions(this.#rows, {
      now: () => this.now,
      hex: (n) => this.hex(n),
      uuid: () => this.uuid(),
    })
    this.delayed = new DelayedQueue(this.#rows)
    this.uploads = new Uploads(this.#rows, {
      now: () => this.now,
      hex: (n) => this.hex(n),
      below: (limit) => this.#below(limit),
    })
    if (storage) this.#load(storage)
  }

  get now(): number {
    return this.#host.clock.now()
  }

  get counts(): { accounts: number; chats: number; sessions: number; messages: number } {
    let messages = 0
    for (const state of this.#chats.values()) messages += state.messages.length
    return {
      accounts: this.accounts.size,
      chats: this.#chats.size,
      sessions: this.sessions.size,
      messages,
    }
  }

  // ---- time and identity

  /** Ids ascend strictly even when many fall into one millisecond or the clock steps back. */
  nextMessageId(): bigint {
    const now = BigInt(this.now) << 16n
    this.#lastMessageId = now > this.#lastMessageId ? now : this.#lastMessageId + 1n
    return this.#lastMessageId
  }

  /** The time of a change now: never before a change that already happened. */
  stamp(): number {
    return Math.max(this.now, timeOf(this.#lastMessageId + 1n))
  }

  /**
   * A marker for LOGIN deltas. Whatever still changes within this millisecond must count as newer, so
   * it names the one before: a delta may repeat a change, but never lose one.
   */
  marker(): number {
    return this.stamp() - 1
  }

  /** Random lower-case hex. */
  hex(length: number): string {
    let text = ''
    while (text.length < length) text += Math.floor(this.#host.random() * 16).toString(16)
    return text
  }

  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-a${this.hex(3)}-${this.hex(12)}`
  }

  // ---- accounts

  createAccount(input: NewAccount): Account {
    const now = this.stamp()
    const account: Account = {
      ...input,
      id: input.id ?? this.#freeId(() => 100_000_000 + this.#below(900_000_000), this.accounts),
      registeredAt: now,
      updatedAt: now,
      contactIds: [],
      settings: {},
      chatSettings: {},
      seenAt: now,
    }
    this.#indexAccount(account)
    this.saveAccount(account)
    this.#createChat({ type: 'DIALOG', id: 0, ownerId: account.id }, [account.id])
    return account
  }

  accountByPhone(phone: string): Account | undefined {
    return this.#byPhone.get(phone)
  }

  saveAccount(account: Account): void {
    this.#rows.put(`account/${account.id}`, account)
  }

  // ---- chats

  /** The chat that `chatId` means to this person: 0 and XOR ids depend on who asks. */
  chat(userId: number, chatId: number): ChatState | undefined {
    if (chatId < 0) return this.#chats.get(String(chatId))
    return this.#chats.get(dialogKey(userId, dialogId(chatId, userId)))
  }

  chatByKey(key: string): ChatState | undefined {
    return this.#chats.get(key)
  }

  chatsOf(userId: number): ReadonlySet<ChatState> {
    return this.#chatsOf.get(userId) ?? none
  }

  /** The dialog of two accounts, made on demand. */
  dialog(one: number, other: number): ChatState {
    const known = this.#chats.get(dialogKey(one, other))
    return (
      known ??
      this.#createChat({ type: 'DIALOG', id: dialogId(one, other), ownerId: one }, [one, other])
    )
  }

  createGroup(input: NewGroup): ChatState {
    const { type, ownerId, title, userIds } = input
    const id = this.#freeId(() => -(70_000_000_000_000 + this.#below(9_000_000_000_000)), {
      has: (candidate) => this.#chats.has(String(candidate)),
    })
    const linkToken = this.hex(32)
    return this.#createChat({ type, id, ownerId, title, linkToken }, [ownerId, ...userIds])
  }

  saveChat(state: ChatState): void {
    state.chat.modifiedAt = this.stamp()
    this.#rows.put(`chat/${state.chat.key}`, state.chat)
  }

  saveMember(member: Member): void {
    this.#rows.put(`member/${member.chatKey}/${member.userId}`, member)
  }

  /** Lets somebody into a chat. Without `historyFrom` they see everything that was written before. */
  addMember(
    state: ChatState,
    input: Pick<Member, 'userId' | 'joinedAt' | 'readMark' | 'historyFrom' | 'inviterId'>,
  ): Member {
    const member: Member = { ...input, chatKey: state.chat.key, unread: 0, markedUnread: false }
    this.#indexMember(state, member)
    this.#countUnread(state, member)
    this.saveMember(member)
    return member
  }

  removeMember(state: ChatState, userId: number): void {
    state.members.delete(userId)
    this.#chatsOf.get(userId)?.delete(state)
    this.#rows.delete(`member/${state.chat.key}/${userId}`)
  }

  /** Takes everything up to a time out of one member's sight. */
  clearHistory(state: ChatState, member: Member, until: number): void {
    member.historyFrom = Math.max(member.historyFrom ?? 0, until + 1)
    this.#countUnread(state, member)
    this.saveMember(member)
  }

  /** The group or channel behind the token of an invite link, or behind a public name. */
  chatByLink(link: { token: string } | { name: string }): ChatState | undefined {
    const name = 'name' in link ? link.name.toLowerCase() : undefined
    for (const state of this.#chats.values()) {
      const { linkToken, publicName } = state.chat
      if ('token' in link ? linkToken === link.token : publicName?.toLowerCase() === name) {
        return state
      }
    }
    return undefined
  }

  get publicChats(): ChatState[] {
    return [...this.#chats.values()].filter(({ chat }) => chat.access === 'PUBLIC')
  }

  /** Moves a read mark forward and counts what is left to read. */
  markRead(state: ChatState, member: Member, mark: number): void {
    member.readMark = Math.max(member.readMark, mark)
    member.markedUnread = false
    this.#countUnread(state, member)
    this.saveMember(member)
  }

  // ---- messages

  addMessage(state: ChatState, message: Message): void {
    state.messages.push(message)
    if (message.cid !== undefined) state.byCid.set(cidKey(message.senderId, message.cid), message)
    const time = timeOf(message.id)
    state.chat.modifiedAt = Math.max(state.chat.modifiedAt, time)
    for (const member of state.members.values()) {
      if (member.userId !== message.senderId) member.unread += 1
      if (member.view === undefined) continue
      // A new message brings a chat back into the lists it was taken out of.
      delete member.view
      this.saveMember(member)
    }
    this.saveMessage(message)
    const sender = state.members.get(message.senderId)
    if (sender) this.markRead(state, sender, time)
  }

  saveMessage(message: Message): void {
    this.#rows.put(messageKey(message.chatKey, message.id), message)
  }

  message(state: ChatState, id: bigint): Message | undefined {
    const message = state.messages[firstAtLeast(state.messages, id)]
    return message?.id === id ? message : undefined
  }

  removeMessage(state: ChatState, message: Message): void {
    state.messages.splice(firstAtLeast(state.messages, message.id), 1)
    if (message.cid !== undefined) state.byCid.delete(cidKey(message.senderId, message.cid))
    this.#rows.delete(messageKey(message.chatKey, message.id))
    for (const member of state.members.values()) this.#countUnread(state, member)
  }

  hideMessage(state: ChatState, message: Message, member: Member): void {
    message.hiddenFor.push(member.userId)
    this.saveMessage(message)
    this.#countUnread(state, member)
  }

  messageByCid(state: ChatState, senderId: number, cid: number): Message | undefined {
    return state.byCid.get(cidKey(senderId, cid))
  }

  // ---- what the director armed

  readonly faults: FaultStore = {
    load: () => this.#faults,
    save: (waiting) => this.#rows.put('faults/armed', waiting),
  }

  // ---- inside

  #createChat(
    input: Pick<Chat, 'type' | 'id' | 'ownerId' | 'title' | 'linkToken'>,
    userIds: number[],
  ): ChatState {
    const createdAt = this.stamp()
    const [one = 0, other = one] = userIds
    const chat: Chat = {
      ...structuredClone(newChat),
      ...input,
      key: input.type === 'DIALOG' ? dialogKey(one, other) : String(input.id),
      createdAt,
      modifiedAt: createdAt,
    }
    const state = this.#indexChat(chat)
    this.#rows.put(`chat/${chat.key}`, chat)
    for (const userId of userIds) {
      const readMark = userId === input.ownerId ? createdAt : 0
      this.addMember(state, { userId, joinedAt: createdAt, readMark })
    }
    return state
  }

  #countUnread(state: ChatState, member: Member): void {
    const { messages } = state
    let unread = 0
    const from = firstAtLeast(messages, BigInt(member.readMark + 1) << 16n)
    for (const message of messages.slice(from)) {
      if (message.senderId !== member.userId && isVisibleTo(member)(message)) unread += 1
    }
    member.unread = unread
  }

  #indexAccount(account: Account): void {
    this.accounts.set(account.id, account)
    this.#byPhone.set(account.phone, account)
  }

  #indexChat(chat: Chat): ChatState {
    const state: ChatState = { chat, members: new Map(), messages: [], byCid: new Map() }
    this.#chats.set(chat.key, state)
    return state
  }

  #indexMember(state: ChatState, member: Member): void {
    state.members.set(member.userId, member)
    addTo(this.#chatsOf, member.userId, state)
  }

  /** Rows come in any order: what refers to a chat waits until all chats are there. */
  #load(storage: Storage): void {
    const members: Member[] = []
    const messages: Message[] = []
    for (const [key, json] of storage.load()) {
      const kind = key.slice(0, key.indexOf('/'))
      if (kind === 'account') this.#indexAccount(fromRow(json))
      else if (kind === 'session') this.sessions.restore(fromRow(json))
      else if (kind === 'chat')
        this.#indexChat({ ...structuredClone(newChat), ...fromRow<Chat>(json) })
      else if (kind === 'member') members.push(fromRow(json))
      else if (kind === 'message') messages.push(fromRow(json))
      else if (kind === 'faults') this.#faults = fromRow(json)
      else if (kind === 'upload') this.uploads.restore(fromRow(json))
      else if (kind === 'delayed') this.delayed.restore(fromRow(json))
      else if (kind === 'unacked') this.sessions.restoreUnacked(fromRow(json))
    }
    messages.sort((a, b) => (a.id < b.id ? -1 : 1))
    for (const message of messages) {
      const state = this.#chats.get(message.chatKey)
      if (!state) continue
      state.messages.push(message)
      if (message.cid !== undefined) state.byCid.set(cidKey(message.senderId, message.cid), message)
      state.chat.modifiedAt = Math.max(state.chat.modifiedAt, timeOf(message.id))
      this.#lastMessageId = message.id
    }
    for (const member of members) {
      const state = this.#chats.get(member.chatKey)
      if (!state) continue
      this.#indexMember(state, member)
      this.#countUnread(state, member)
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#host.random() * limit)
  }

  #freeId(next: () => number, taken: { has(id: number): boolean }): number {
    let id = next()
    while (taken.has(id)) id = next()
    return id
  }
}

/** What a chat begins with; rows written before a field existed lack it. */
const newChat = {
  access: 'PRIVATE',
  admins: {},
  options: {},
  blockedIds: [],
  joinRequests: {},
} satisfies Partial<Chat>

/** XOR ids of different pairs may coincide, so the pair itself is the key. */
const dialogKey = (one: number, other: number): string =>
  `${Math.min(one, other)}+${Math.max(one, other)}`
const cidKey = (senderId: number, cid: number): string => `${senderId}:${cid}`
const messageKey = (chatKey: string, id: bigint): string => `message/${chatKey}/${id}`

const none: ReadonlySet<never> = new Set()
