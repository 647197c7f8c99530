import type { FetchedKind } from '../schema/received-file.ts'
import type { WireMap } from '../schema/wire.ts'
import type { Sql, SqlRow, SqlValue } from './sql.ts'
import { payloadFromText, payloadToText } from './wire-text.ts'

/** An attachment whose content has not been fetched yet. Times are Unix ms. */
export interface IncomingRow {
  place: number
  chatId: string
  messageId: string
  /** Place in the message's attachments. */
  index: number
  mediaId: string
  kind: FetchedKind
  direction: 'inbox' | 'outbox'
  name: string | null
  /** Bytes, where the message said so. */
  size: number | null
  sentAt: number
  /** What MAX wants to know for a link to it. */
  attach: WireMap
  /** Attempts that began and of which nothing more was heard. */
  starts: number
  failures: number
  retryAt: number
}
export type NewIncoming = Omit<IncomingRow, 'place' | 'starts' | 'failures'>

/** Received files that wait to be fetched, in the order they came. Synchronous, as `Store` is. */
export class IncomingRows {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  transaction(work: () => void): void {
    this.#sql.transaction(work)
  }

  /** Adds one, unless it is there already. */
  add(row: NewIncoming): void {
    this.#sql.all(
      `INSERT INTO incoming_media (chat_id, message_id, position, media_id, kind, direction, name,
         size, sent_at, attach, starts, failures, retry_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?) ON CONFLICT DO NOTHING`,
      row.chatId,
      row.messageId,
      row.index,
      row.mediaId,
      row.kind,
      row.direction,
      row.name,
      row.size,
      row.sentAt,
      payloadToText(row.attach),
      row.retryAt,
    )
  }

  has(place: number): boolean {
    return this.#sql.all('SELECT 1 FROM incoming_media WHERE place = ?', place).length > 0
  }

  count(): number {
    return Number(this.#sql.all('SELECT count(*) AS n FROM incoming_media')[0]?.n)
  }

  all(): IncomingRow[] {
    return this.#rows('SELECT * FROM incoming_media ORDER BY place')
  }

  /** The oldest that is due, but for those that are being fetched. */
  due(now: number, busy: Iterable<number>): IncomingRow | undefined {
    return this.#rows(
      `SELECT * FROM incoming_media
       WHERE retry_at <= ? AND place NOT IN (SELECT value FROM json_each(?))
       ORDER BY place LIMIT 1`,
      now,
      JSON.stringify([...busy]),
    )[0]
  }

  /** When the next one is due, but for those that are being fetched. */
  nextAt(busy: Iterable<number>): number | undefined {
    const at = this.#sql.all(
      `SELECT min(retry_at) AS at FROM incoming_media
       WHERE place NOT IN (SELECT value FROM json_each(?))`,
      JSON.stringify([...busy]),
    )[0]?.at
    return at == null ? undefined : Number(at)
  }

  /** An attempt begins. */
  started(place: number): void {
    this.#sql.all('UPDATE incoming_media SET starts = starts + 1 WHERE place = ?', place)
  }

  /** An attempt ended without a verdict on the file. */
  rested(place: number): void {
    this.#sql.all('UPDATE incoming_media SET starts = 0 WHERE place = ?', place)
  }

  failed(place: number, failures: number, retryAt: number): void {
    this.#sql.all(
      'UPDATE incoming_media SET starts = 0, failures = ?, retry_at = ? WHERE place = ?',
      failures,
      retryAt,
      place,
    )
  }

  delete(place: number): void {
    this.#sql.all('DELETE FROM incoming_media WHERE place = ?', place)
  }

  #rows(statement: string, ...values: SqlValue[]): IncomingRow[] {
    return this.#sql.all(statement, ...values).map(toRow)
  }
}

const toRow = (row: SqlRow): IncomingRow => ({
  place: Number(row.place),
  chatId: String(row.chat_id),
  messageId: String(row.message_id),
  index: Number(row.position),
  mediaId: String(row.media_id),
  kind: String(row.kind) as FetchedKind,
  direction: row.direction === 'outbox' ? 'outbox' : 'inbox',
  name: row.name as string | null,
  size: row.size as number | null,
  sentAt: Number(row.sent_at),
  attach: payloadFromText(String(row.attach)),
  starts: Number(row.starts),
  failures: Number(row.failures),
  retryAt: Number(row.retry_at),
})
