import { Opcode } from '../schema/opcodes.ts'
import { type WireMap, wireId, wireMessageId, wireTime } from '../schema/wire.ts'
import type { Connection } from './connection.ts'
import { isVisibleTo, type Member, type Message, type Session } from './records.ts'
import { renderMessage, renderPresence, renderRemoved } from './render.ts'
import { renderChat } from './render-chat.ts'
import type { Settings } from './settings.ts'
import type { ChatState, World } from './world.ts'

/**
 * Who hears of a change. Pushes wait until `flush`, which comes after the answer to the request that
 * caused them, and never go to the connection that acted (operations-and-events.md §6.2).
 */
export class Pushes {
  readonly #world: World
  readonly #settings: Settings
  readonly #online = new Map<number, Set<Connection>>()
  #queue: { connection: Connection; opcode: number; payload: WireMap }[] = []

  constructor(world: World, settings: Settings) {
    this.#world = world
    this.#settings = settings
  }

  // ---- who is there

  connectionsOf(userId: number): ReadonlySet<Connection> {
    return this.#online.get(userId) ?? none
  }

  join(userId: number, connection: Connection): void {
    const connections = this.#online.get(userId)
    if (connections) {
      connections.add(connection)
      return
    }
    this.#online.set(userId, new Set([connection]))
    this.#presence(userId)
  }

  leave(userId: number, connection: Connection): void {
    const connections = this.#online.get(userId)
    if (!connections?.delete(connection) || connections.size > 0) return
    this.#online.delete(userId)
    const account = this.#world.accounts.get(userId)
    if (!account) return
    account.seenAt = this.#world.now
    this.#world.saveAccount(account)
    this.#presence(userId)
  }

  flush(): void {
    const queue = this.#queue
    this.#queue = []
    for (const { connection, opcode, payload } of queue) connection.push(opcode, payload)
  }

  // ---- what they hear

  toAccount(userId: number, opcode: number, payload: WireMap, acting?: Connection): void {
    for (const connection of this.connectionsOf(userId)) {
      if (connection !== acting) this.#queue.push({ connection, opcode, payload })
    }
  }

  toOthers(state: ChatState, userId: number, opcode: number, payload: WireMap): void {
    for (const member of state.members.values()) {
      if (member.userId !== userId) this.toAccount(member.userId, opcode, payload)
    }
  }

  /** To the others' connections that asked for it with 75 and still count. */
  toSubscribers(
    state: ChatState,
    userId: number,
    now: number,
    opcode: number,
    payload: WireMap,
  ): void {
    for (const member of state.members.values()) {
      if (member.userId === userId) continue
      for (const connection of this.connectionsOf(member.userId)) {
        const expiresAt = connection.subscriptions.get(state.chat.key) ?? 0
        if (expiresAt > now) this.#queue.push({ connection, opcode, payload })
      }
    }
  }

  /** 128 for a new or edited message, with each receiver's own counters. */
  message(
    state: ChatState,
    message: Message,
    options: { acting?: Connection; withChat?: boolean },
  ) {
    const { acting, withChat = false } = options
    const rendered = renderMessage(state, message)
    const previous = state.messages.at(-2)
    for (const member of state.members.values()) {
      if (!isVisibleTo(member)(message)) continue
      this.#expectAcks(message, member.userId, acting?.session)
      if (!this.#online.has(member.userId)) continue
      this.toAccount(
        member.userId,
        Opcode.NOTIF_MESSAGE,
        {
          ...messagePush(
            state,
            member,
            message.votes ? renderMessage(state, message, member.userId) : rendered,
          ),
          prevMessageId:
            previous && message.editedAt === undefined ? wireMessageId(previous.id) : undefined,
          chat: withChat ? renderChat(state, member.userId) : undefined,
        },
        acting,
      )
    }
  }

  /** 135: the chat as it is now, to each member in their own view. */
  chat(state: ChatState, acting?: Connection): void {
    for (const { userId } of state.members.values()) {
      if (!this.#online.has(userId)) continue
      this.toAccount(userId, Opcode.NOTIF_CHAT, { chat: renderChat(state, userId) }, acting)
    }
  }

  /** The message left the world: 128 with REMOVED on web sockets, 142 on TLS TCP (§5.2). */
  removed(state: ChatState, message: Message, acting?: Connection): void {
    for (const member of state.members.values()) {
      this.#expectAcks(message, member.userId, acting?.session)
      for (const connection of this.connectionsOf(member.userId)) {
        if (connection !== acting) this.#pushRemoved(connection, state, member, message)
      }
    }
  }

  /** The message left one account's view. */
  hidden(state: ChatState, messageIds: bigint[], userId: number, acting?: Connection): void {
    this.toAccount(userId, Opcode.NOTIF_MSG_DELETE, deletion(state, messageIds), acting)
  }

  /** What the session was sent or missed and has not acknowledged, after its LOGIN (§4.4). */
  resend(connection: Connection, session: Session): void {
    if (!this.#settings.resendUnacked) return
    for (const entry of this.#world.sessions.unackedOf(session)) {
      const state = this.#world.chatByKey(entry.chatKey)
      const member = state?.members.get(session.userId)
      if (!state || !member) {
        this.#world.sessions.acknowledge(session, entry)
        continue
      }
      const message = this.#world.message(state, entry.messageId)
      if (!message) {
        this.#pushRemoved(connection, state, member, {
          id: entry.messageId,
          senderId: entry.senderId,
        })
      } else if (isVisibleTo(member)(message)) {
        const payload = messagePush(state, member, renderMessage(state, message))
        this.#queue.push({ connection, opcode: Opcode.NOTIF_MESSAGE, payload })
      } else {
        this.#world.sessions.acknowledge(session, entry)
      }
    }
  }

  #pushRemoved(
    connection: Connection,
    state: ChatState,
    member: Member,
    message: { id: bigint; senderId: number },
  ): void {
    if (connection.encoding === 'tcp') {
      const payload = deletion(state, [message.id])
      this.#queue.push({ connection, opcode: Opcode.NOTIF_MSG_DELETE, payload })
      // Nobody acknowledges a 142: it is done with.
      const { session } = connection
      if (session) {
        this.#world.sessions.acknowledge(session, {
          chatKey: state.chat.key,
          messageId: message.id,
        })
      }
      return
    }
    const payload = messagePush(state, member, renderRemoved(message))
    this.#queue.push({ connection, opcode: Opcode.NOTIF_MESSAGE, payload })
  }

  #expectAcks(message: Message, userId: number, acting: Session | undefined): void {
    if (!this.#settings.resendUnacked) return
    for (const session of this.#world.sessions.of(userId)) {
      if (session !== acting) this.#world.sessions.expectAck(session, message)
    }
  }

  #presence(userId: number): void {
    const account = this.#world.accounts.get(userId)
    if (!account || !this.#settings.pushPresence) return
    const presence = renderPresence(account, this.#online.has(userId))
    for (const state of this.#world.chatsOf(userId)) {
      if (state.chat.type !== 'DIALOG') continue
      const payload = { userId: wireId(userId), presence }
      this.toOthers(state, userId, Opcode.NOTIF_PRESENCE, payload)
    }
  }
}

const none: ReadonlySet<Connection> = new Set()

const messagePush = (state: ChatState, member: Member, message: WireMap): WireMap => ({
  chatId: wireId(state.chat.id),
  message,
  unread: member.unread,
  mark: wireTime(member.readMark),
  ttl: false,
})

const deletion = (state: ChatState, messageIds: bigint[]): WireMap => ({
  chatId: wireId(state.chat.id),
  messageIds: messageIds.map(wireMessageId),
  ttl: false,
})
