import { asIdString, asMap, asNumber, type Frame, type WireMap } from '../schema/wire.ts'
import type { Sql } from './sql.ts'
import type { Store } from './store.ts'
import { payloadFromText, payloadToText } from './wire-text.ts'

/** A push that waits until its chat has been caught up. */
export interface HeldPush {
  place: number
  opcode: number
  /** Set for a message that is new. */
  messageId: bigint | undefined
  payload: WireMap
}

/**
 * What the event log knows of MAX's messages: how far each chat has been seen, which messages it
 * tells of, and the pushes that must wait for older ones. Part of the tenant's store.
 */
export class KnownMessages {
  readonly #store: Store
  readonly #sql: Sql

  constructor(store: Store) {
    this.#store = store
    this.#sql = store.sql
  }

  /** The newest message of a chat that became an event, or the last one before the log began. */
  mark(chatId: string): bigint {
    const floor = lastIdOf(this.#store.get('catchUp')?.since ?? 0)
    const marks = [this.#storedMark(chatId), this.#loggedMark(chatId)]
    return marks.reduce((newest, mark) => (mark > newest ? mark : newest), floor)
  }

  /**
   * Moves a chat's mark forward to a message that the log has no `Message` of: with one it moves by
   * itself. It never goes back.
   */
  raise(chatId: string, messageId: bigint): void {
    if (messageId <= this.mark(chatId)) return
    this.#sql.all(
      `INSERT INTO chat_marks (chat_id, message_id) VALUES (?, CAST(? AS INTEGER))
       ON CONFLICT (chat_id) DO UPDATE SET message_id = excluded.message_id`,
      chatId,
      messageId.toString(),
    )
  }

  /** Stores the marks that the log is about to forget with its events up to a sequence. */
  keepMarks(through: number): void {
    this.#sql.all(
      `INSERT INTO chat_marks (chat_id, message_id)
       SELECT chat_id, max(CAST(substr(dedupe_key, length('message:' || chat_id || ':') + 1) AS INTEGER))
       FROM events
       WHERE sequence > ? AND sequence <= ? AND type = 'Message' AND dedupe_key IS NOT NULL
       GROUP BY chat_id
       ON CONFLICT (chat_id) DO UPDATE SET message_id = max(message_id, excluded.message_id)`,
      this.#marksAfter,
      through,
    )
  }

  #storedMark(chatId: string): bigint {
    const row = this.#sql.all(
      'SELECT CAST(message_id AS TEXT) AS id FROM chat_marks WHERE chat_id = ?',
      chatId,
    )[0]
    return BigInt(row?.id ?? 0)
  }

  /** Ids are in order as text: until the year 2453 all of them have 18 digits. */
  #loggedMark(chatId: string): bigint {
    const prefix = `message:${chatId}:`
    const row = this.#sql.all(
      `SELECT substr(dedupe_key, ?) AS id FROM events
       WHERE dedupe_key >= ? AND dedupe_key < ? AND sequence > ?
       ORDER BY dedupe_key DESC LIMIT 1`,
      prefix.length + 1,
      prefix,
      afterPrefix(prefix),
      this.#marksAfter,
    )[0]
    return BigInt(String(row?.id ?? 0))
  }

  get #marksAfter(): number {
    return this.#store.get('marksAfter') ?? 0
  }

  /** Whether this gateway sent a message: MAX hands its `cid` back. */
  isOwnSend({ sender, cid }: WireMap): boolean {
    const number = asNumber(cid)
    if (number === undefined || asNumber(sender) !== this.#store.get('userId')) return false
    return this.#sql.all('SELECT 1 FROM sends WHERE cid = ?', number).length > 0
  }

  /** Whether a message needs no `Message` event any more. */
  knows(chatId: string, message: WireMap): boolean {
    const id = asIdString(message.id)
    return id === undefined || BigInt(id) <= this.mark(chatId) || this.isOwnSend(message)
  }

  /** The newest messages of a chat that are in the event log and not known to be deleted, newest first. */
  loggedMessages(chatId: string, limit: number): bigint[] {
    const prefix = `message:${chatId}:`
    return this.#sql
      .all(
        `SELECT substr(dedupe_key, ?) AS id FROM events
         WHERE dedupe_key >= ? AND dedupe_key < ? AND NOT EXISTS (
           SELECT 1 FROM events AS gone
           WHERE gone.dedupe_key = 'delete:' || ? || ':' || substr(events.dedupe_key, ?))
         ORDER BY dedupe_key DESC LIMIT ?`,
        prefix.length + 1,
        prefix,
        afterPrefix(prefix),
        chatId,
        prefix.length + 1,
        limit,
      )
      .map((row) => BigInt(String(row.id)))
  }

  /** Time of the newest stored edit of a message, Unix ms; 0 when there is none. */
  lastEdit(chatId: string, messageId: string): number {
    const prefix = `edit:${chatId}:${messageId}:`
    const row = this.#sql.all(
      `SELECT substr(dedupe_key, ?) AS time FROM events
       WHERE dedupe_key >= ? AND dedupe_key < ? ORDER BY dedupe_key DESC LIMIT 1`,
      prefix.length + 1,
      prefix,
      afterPrefix(prefix),
    )[0]
    return Number(row?.time ?? 0) || 0
  }

  hold(chatId: string, { opcode, payload }: Pick<Frame, 'opcode' | 'payload'>): void {
    const map = asMap(payload)
    const message = asMap(map.message)
    const isNew = message.status !== 'REMOVED' && map.messageIds === undefined
    this.#sql.all(
      'INSERT INTO held_pushes (chat_id, opcode, message_id, payload) VALUES (?, ?, ?, ?)',
      chatId,
      opcode,
      isNew ? (asIdString(message.id) ?? null) : null,
      payloadToText(map),
    )
  }

  /** What waits for a chat, in the order it arrived. */
  held(chatId: string): HeldPush[] {
    return this.#sql
      .all('SELECT * FROM held_pushes WHERE chat_id = ? ORDER BY place', chatId)
      .map((row) => ({
        place: Number(row.place),
        opcode: Number(row.opcode),
        messageId: row.message_id === null ? undefined : BigInt(String(row.message_id)),
        payload: payloadFromText(String(row.payload)),
      }))
  }

  chatsHeld(): string[] {
    return this.#sql
      .all('SELECT chat_id FROM held_pushes GROUP BY chat_id ORDER BY min(place)')
      .map((row) => String(row.chat_id))
  }

  release(place: number): void {
    this.#sql.all('DELETE FROM held_pushes WHERE place = ?', place)
  }

  /** Another account: what was known of the old one's chats means nothing. */
  clear(): void {
    this.#sql.all('DELETE FROM chat_marks')
    this.#sql.all('DELETE FROM held_pushes')
    this.#store.set('marksAfter', this.#store.lastSequence)
  }
}

/** The first text behind all that begin with a prefix: ';' comes after ':'. */
const afterPrefix = (prefix: string): string => prefix.replace(/:$/, ';')

/** The last id that a message of this millisecond can have (operations-and-events.md §1.1). */
const lastIdOf = (ms: number): bigint => (BigInt(ms) << 16n) | 0xffffn
