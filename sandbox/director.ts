import { Opcode } from '../schema/opcodes.ts'
import type { Fault } from '../schema/operations/sandbox.ts'
import type { WireMap } from '../schema/wire.ts'
import type { Connection } from './connection.ts'
import type { FaultScript } from './faults.ts'
import type { Upload } from './media/uploads.ts'
import type { Pushes } from './pushes.ts'
import { type Account, type Message, timeOf } from './records.ts'
import type { Host } from './settings.ts'
import type { ChatState, NewAccount, NewGroup, World } from './world.ts'

export interface IncomingMessage {
  /** Who receives it, and from whom. */
  to: number
  from: number
  text: string
  /** Default: the dialog of the two. */
  chatId?: number | undefined
  attaches?: WireMap[] | undefined
  elements?: WireMap[] | undefined
}
export interface Written {
  chatId: number
  messageId: string
}
/** A stored message, for a test that counts what arrived. */
export interface StoredMessage {
  id: string
  chatId: number
  cid: number | null
  sender: number
  text: string
  time: number
}

/** What a director does that is impossible, e.g. writing in a chat one is not in. */
export class DirectorError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DirectorError'
  }
}

interface Stage {
  world: World
  pushes: Pushes
  faults: FaultScript
  connections: ReadonlySet<Connection>
  host: Host
}

/** The hand behind the scenes: makes people, lets them act, breaks lines. No client can call it. */
export class Director {
  readonly #stage: Stage
  #lastCid = 0

  constructor(stage: Stage) {
    this.#stage = stage
  }

  createAccount(input: Partial<NewAccount> = {}): Account {
    const { world } = this.#stage
    const phone = input.phone ?? this.#freePhone()
    if (world.accountByPhone(phone)) throw new DirectorError('the phone already has an account')
    return world.createAccount({ ...input, phone, firstName: input.firstName ?? 'Sandbox' })
  }

  /** A session as if the account had logged in once; it fits every kind of device. */
  issueToken(userId: number): { token: string; deviceId: string } {
    const { world } = this.#stage
    const session = world.sessions.create(this.account(userId).id)
    return { token: session.tokens[0] ?? '', deviceId: world.uuid() }
  }

  /** The person chooses these profile photos on their phone; newest first. */
  setPhotos(userId: number, photoIds: number[]): void {
    const { world } = this.#stage
    const account = this.account(userId)
    account.photoIds = photoIds
    account.updatedAt = world.stamp()
    world.saveAccount(account)
  }

  /** Both know each other's number and have a dialog. */
  befriend(one: number, other: number): ChatState {
    const { world } = this.#stage
    for (const [id, contactId] of [
      [one, other],
      [other, one],
    ] as const) {
      const account = this.account(id)
      if (account.contactIds.includes(contactId)) continue
      account.contactIds.push(contactId)
      world.saveAccount(account)
    }
    return world.dialog(one, other)
  }

  createGroup(input: NewGroup): ChatState {
    for (const id of [input.ownerId, ...input.userIds]) this.account(id)
    return this.#stage.world.createGroup(input)
  }

  /** The scan of a QR code: of the link, or of the newest that waits. False if none does. */
  approveQr(userId: number, link?: string): boolean {
    const { world, connections } = this.#stage
    const waiting = [...connections].flatMap(({ dialogue: { qr } }) =>
      qr && qr.expiresAt > world.now && (link === undefined || qr.link === link) ? [qr] : [],
    )
    const newest = waiting.sort((a, b) => b.expiresAt - a.expiresAt)[0]
    if (!newest) return false
    newest.approvedBy = this.account(userId).id
    return true
  }

  incoming(input: IncomingMessage): Written {
    const written = this.#write(input)
    this.#stage.pushes.flush()
    return written
  }

  /** Many at once, pushed as one burst. */
  incomingBulk(inputs: readonly IncomingMessage[]): Written[] {
    const written = inputs.map((input) => this.#write(input))
    this.#stage.pushes.flush()
    return written
  }

  /** Without an opcode a fault that needs no answer strikes at once. */
  fault(input: Fault & { userId?: number }): void {
    const { faults } = this.#stage
    const { userId } = input
    if (input.kind === 'logout') this.#logout(userId)
    else if (input.kind === 'flood') this.#flood(userId, input.count)
    else if (input.opcode === undefined && input.kind === 'drop') this.close(userId)
    else if (input.opcode === undefined && input.kind === 'garbage') {
      for (const connection of this.#lines(userId)) this.sendGarbage(connection)
    } else {
      const { kind, code, delayMs, count, opcode } = input
      faults.add({
        kind,
        code,
        delayMs,
        count,
        ...(opcode !== undefined && { opcode }),
        ...(userId !== undefined && { userId }),
      })
    }
    this.#stage.pushes.flush()
  }

  clearFaults(): void {
    this.#stage.faults.clear()
  }

  /** Cuts the lines of an account, or all; with a code they are closed in form. */
  close(userId?: number, code?: number): number {
    const lines = this.#lines(userId)
    for (const connection of lines) connection.close(code, 'closed on purpose')
    this.#stage.pushes.flush()
    return lines.length
  }

  /** The server's own frames: a PING to be answered, RECONNECT, or any push. */
  push(userId: number, opcode: number, payload: WireMap = {}): void {
    this.#stage.pushes.toAccount(userId, opcode, payload)
    this.#stage.pushes.flush()
  }

  ping(userId: number): void {
    this.push(userId, Opcode.PING)
  }

  sendGarbage(connection: Connection): void {
    const { random } = this.#stage.host
    const bytes = Uint8Array.from({ length: 64 }, () => Math.floor(random() * 256))
    // No frame of any version begins so: it can never be taken for one.
    bytes[0] = 0xff
    connection.sendRaw(bytes)
  }

  /** All messages an account's chats hold, oldest first. */
  messages(userId: number, chatId?: number): StoredMessage[] {
    const { world } = this.#stage
    const states = chatId === undefined ? [...world.chatsOf(userId)] : [world.chat(userId, chatId)]
    return states
      .flatMap((state) => state?.messages.map((message) => stored(state, message)) ?? [])
      .sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1))
  }

  /** Everything that was uploaded, in the order of the slots. */
  get uploads(): Upload[] {
    return this.#stage.world.uploads.all()
  }

  get state(): { connections: number; online: number } & World['counts'] {
    const connections = [...this.#stage.connections]
    return {
      ...this.#stage.world.counts,
      connections: connections.length,
      online: connections.filter((connection) => connection.session).length,
    }
  }

  account(userId: number): Account {
    const account = this.#stage.world.accounts.get(userId)
    if (!account) throw new DirectorError(`there is no account ${userId}`)
    return account
  }

  #write(input: IncomingMessage): Written {
    const { world, pushes } = this.#stage
    const { to, from, text, chatId, attaches = [], elements = [] } = input
    this.account(to)
    this.account(from)
    const state = chatId === undefined ? world.dialog(to, from) : world.chat(to, chatId)
    if (!state?.members.has(from) || !state.members.has(to)) {
      throw new DirectorError('sender and receiver share no such chat')
    }
    const id = world.nextMessageId()
    const message: Message = {
      chatKey: state.chat.key,
      id,
      cid: this.#nextCid(),
      senderId: from,
      type: state.chat.type === 'CHANNEL' ? 'CHANNEL' : 'USER',
      text,
      elements,
      attaches,
      reactions: {},
      hiddenFor: [],
    }
    world.addMessage(state, message)
    pushes.message(state, message, {})
    return { chatId: state.chat.id, messageId: id.toString() }
  }

  #flood(userId: number | undefined, count: number): void {
    const { world } = this.#stage
    const receivers = userId === undefined ? [...world.accounts.values()] : [this.account(userId)]
    for (const { id, contactIds } of receivers) {
      const from = contactIds[0]
      if (from === undefined) continue
      for (let n = 1; n <= count; n++) this.#write({ to: id, from, text: `Flood ${n} of ${count}` })
    }
  }

  /** Every token dies: what is connected is cut off, and the next LOGIN is refused. */
  #logout(userId: number | undefined): void {
    const { world } = this.#stage
    const users = userId === undefined ? [...world.accounts.keys()] : [userId]
    for (const id of users) {
      for (const session of [...world.sessions.of(id)]) world.sessions.end(session)
    }
    for (const connection of this.#lines(userId)) connection.close(1000, 'logged out')
  }

  #lines(userId: number | undefined): Connection[] {
    const { pushes, connections } = this.#stage
    return userId === undefined ? [...connections] : [...pushes.connectionsOf(userId)]
  }

  /** The current milliseconds, as a phone's are, but never the same twice (§3.1). */
  #nextCid(): number {
    this.#lastCid = Math.max(this.#stage.world.now, this.#lastCid + 1)
    return this.#lastCid
  }

  #freePhone(): string {
    const { world, host } = this.#stage
    for (;;) {
      const phone = `+7999${String(Math.floor(host.random() * 10_000_000)).padStart(7, '0')}`
      if (!world.accountByPhone(phone)) return phone
    }
  }
}

const stored = (state: ChatState, message: Message): StoredMessage => ({
  id: message.id.toString(),
  chatId: state.chat.id,
  cid: message.cid ?? null,
  sender: message.senderId,
  text: message.text,
  time: timeOf(message.id),
})
