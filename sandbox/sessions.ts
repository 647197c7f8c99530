import { addTo } from './index-set.ts'
import type { Device, Message, Session, Unacked } from './records.ts'
import type { Rows } from './storage.ts'

/** What a new session draws on. */
interface Source {
  now(): number
  hex(length: number): string
  uuid(): string
}

/** Logins, their tokens, and the pushed messages each has not acknowledged. */
export class Sessions {
  readonly #rows: Rows
  readonly #source: Source
  readonly #byId = new Map<string, Session>()
  readonly #byUser = new Map<number, Set<Session>>()
  readonly #byToken = new Map<string, Session>()
  readonly #unacked = new Map<string, Map<string, Unacked>>()

  constructor(rows: Rows, source: Source) {
    this.#rows = rows
    this.#source = source
  }

  get size(): number {
    return this.#byId.size
  }

  byId(id: string): Session | undefined {
    return this.#byId.get(id)
  }

  byToken(token: string): Session | undefined {
    return this.#byToken.get(token)
  }

  of(userId: number): ReadonlySet<Session> {
    return this.#byUser.get(userId) ?? none
  }

  create(userId: number, device?: Device): Session {
    const session: Session = {
      id: this.#source.uuid(),
      userId,
      createdAt: this.#source.now(),
      tokens: [],
      ...(device && { device }),
    }
    this.restore(session)
    this.addToken(session)
    return session
  }

  /** A further token for the session; the older ones stay valid. */
  addToken(session: Session): string {
    const token = `An_${this.#source.hex(120)}`
    session.tokens.push(token)
    this.#byToken.set(token, session)
    this.#rows.put(`session/${session.id}`, session)
    return token
  }

  /** A new token instead of all the older ones. */
  replaceTokens(session: Session): string {
    for (const token of session.tokens) this.#byToken.delete(token)
    session.tokens = []
    return this.addToken(session)
  }

  end(session: Session): void {
    this.#byId.delete(session.id)
    this.#byUser.get(session.userId)?.delete(session)
    for (const token of session.tokens) this.#byToken.delete(token)
    for (const entry of this.unackedOf(session)) this.acknowledge(session, entry)
    this.#unacked.delete(session.id)
    this.#rows.delete(`session/${session.id}`)
  }

  /** The message was pushed to the session, or waits for it to come back. */
  expectAck(session: Session, message: Message): void {
    const { chatKey, id: messageId, senderId } = message
    const entry: Unacked = { sessionId: session.id, chatKey, messageId, senderId }
    this.restoreUnacked(entry)
    this.#rows.put(rowKey(session, entry), entry)
  }

  acknowledge(session: Session, place: Place): void {
    const removed = this.#unacked.get(session.id)?.delete(placeKey(place))
    if (removed) this.#rows.delete(rowKey(session, place))
  }

  /** In the order the messages were written. */
  unackedOf(session: Session): Unacked[] {
    const entries = [...(this.#unacked.get(session.id)?.values() ?? [])]
    return entries.sort((a, b) => (a.messageId < b.messageId ? -1 : 1))
  }

  /** Takes in what a row holds. */
  restore(session: Session): void {
    this.#byId.set(session.id, session)
    addTo(this.#byUser, session.userId, session)
    for (const token of session.tokens) this.#byToken.set(token, session)
  }

  restoreUnacked(entry: Unacked): void {
    const entries = this.#unacked.get(entry.sessionId)
    if (entries) entries.set(placeKey(entry), entry)
    else this.#unacked.set(entry.sessionId, new Map([[placeKey(entry), entry]]))
  }
}

type Place = Pick<Unacked, 'chatKey' | 'messageId'>

const none: ReadonlySet<Session> = new Set()
const placeKey = (place: Place): string => `${place.chatKey}/${place.messageId}`
const rowKey = (session: Session, place: Place): string =>
  `unacked/${session.id}/${placeKey(place)}`
