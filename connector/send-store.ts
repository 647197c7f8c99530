import type { ErrorData } from '../schema/errors.ts'
import { parseJson, stringifyJson } from '../schema/json.ts'
import type { SendState } from '../schema/sends-port.ts'
import { FIRST_KEYED_CID } from './cid.ts'
import type { Sql, SqlRow, SqlValue } from './sql.ts'

/** A message of ours. Times are Unix ms. */
export interface SendRow {
  cid: number
  state: SendState
  createdAt: number
  updatedAt: number
  /** The MSG_SEND payload without its `cid`, as tagged JSON. */
  request: string
  /** Known before it is sent unless the message makes the chat. */
  chatId: string | null
  messageId: string | null
  /** When MAX says it was sent: what read marks are compared with. */
  messageTime: number | null
  /** When it may go out, for a scheduled one. */
  sendAt: number | null
  /** A message that has not left by then never will. */
  expiresAt: number
  /** First attempt; `null` while it has never left. */
  attemptedAt: number | null
  readAt: number | null
  error: ErrorData | null
}

export type NewSend = Omit<SendRow, 'messageId' | 'messageTime' | 'readAt' | 'error'>
export type SendChange = Partial<Omit<SendRow, 'cid' | 'createdAt'>> &
  Pick<SendRow, 'cid' | 'updatedAt'>

/** Where a page of sends goes on. */
export interface SendPosition {
  createdAt: number
  cid: number
}

const PENDING = "('scheduled', 'queued', 'sending', 'processing')"
/** The condition of the index `sends_state`, which SQLite uses only when it stands in the query. */
const UNUSUAL = "state NOT IN ('sent', 'read')"

const columns: Record<keyof Omit<SendChange, 'cid'>, string> = {
  state: 'state',
  updatedAt: 'updated_at',
  request: 'request',
  chatId: 'chat_id',
  messageId: 'message_id',
  messageTime: 'message_time',
  sendAt: 'send_at',
  expiresAt: 'expires_at',
  attemptedAt: 'attempted_at',
  readAt: 'read_at',
  error: 'error',
}

/** The messages of ours, from the first word of them until a week after the last. */
export class SendStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  insert(send: NewSend): void {
    this.#sql.all(
      `INSERT INTO sends
         (cid, state, created_at, updated_at, request, chat_id, send_at, expires_at, attempted_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      send.cid,
      send.state,
      send.createdAt,
      send.updatedAt,
      send.request,
      send.chatId,
      send.sendAt,
      send.expiresAt,
      send.attemptedAt,
    )
  }

  /** Changes the given fields and leaves the others. */
  update({ cid, ...change }: SendChange): void {
    const fields = Object.entries(change)
    const assignments = fields.map(([field]) => `${columns[field as keyof typeof columns]} = ?`)
    const values = fields.map(
      ([field, value]): SqlValue =>
        field === 'error' && value !== null ? stringifyJson(value) : (value as SqlValue),
    )
    this.#sql.all(`UPDATE sends SET ${assignments.join(', ')} WHERE cid = ?`, ...values, cid)
  }

  find(cid: number): SendRow | undefined {
    return this.#first('SELECT * FROM sends WHERE cid = ?', cid)
  }

  /** By MAX's id of the message, in any chat or in one. */
  findByMessageId(messageId: string, chatId: string | undefined): SendRow | undefined {
    return this.#first(
      'SELECT * FROM sends WHERE message_id = ? AND chat_id = coalesce(?, chat_id)',
      messageId,
      chatId ?? null,
    )
  }

  /** Messages on their way, in the order they were made. */
  open(): SendRow[] {
    return this.#rows(
      `SELECT * FROM sends WHERE state IN ('queued', 'sending', 'processing') AND ${UNUSUAL}
       ORDER BY created_at, cid`,
    )
  }

  /** Scheduled messages, the next one first. */
  scheduled(
    after: { sendAt: number; cid: number } | undefined,
    limit: number,
    chatId?: string,
  ): SendRow[] {
    return this.#rows(
      `SELECT * FROM sends WHERE state = 'scheduled' AND (send_at, cid) > (?, ?)
         AND coalesce(chat_id = ?, TRUE)
       ORDER BY send_at, cid LIMIT ?`,
      after?.sendAt ?? -1,
      after?.cid ?? -1,
      chatId ?? null,
      limit,
    )
  }

  countScheduled(): number {
    return Number(
      this.#sql.all("SELECT count(*) AS n FROM sends WHERE state = 'scheduled'")[0]?.n ?? 0,
    )
  }

  /** Newest first. */
  page(state: SendState | undefined, before: SendPosition | undefined, limit: number): SendRow[] {
    const isUsual = state === 'sent' || state === 'read'
    const filter = state === undefined ? '' : `AND state = '${state}'`
    return this.#rows(
      `SELECT * FROM sends WHERE (created_at, cid) < (?, ?) ${filter}
         ${filter === '' || isUsual ? '' : `AND ${UNUSUAL}`}
       ORDER BY created_at DESC, cid DESC LIMIT ?`,
      before?.createdAt ?? Number.MAX_SAFE_INTEGER,
      before?.cid ?? Number.MAX_SAFE_INTEGER,
      limit,
    )
  }

  /** Sent messages of a chat that a read mark covers. */
  unreadUpTo(chatId: string, mark: number): SendRow[] {
    return this.#rows(
      "SELECT * FROM sends WHERE state = 'sent' AND chat_id = ? AND message_time <= ?",
      chatId,
      mark,
    )
  }

  /** The newest `cid` that was made from a time. */
  lastCid(): number {
    const row = this.#sql.all(
      'SELECT coalesce(max(cid), 0) AS cid FROM sends WHERE cid < ?',
      FIRST_KEYED_CID,
    )[0]
    return Number(row?.cid)
  }

  /** Deletes sends that came to an end before then. */
  prune(before: number): void {
    this.#sql.all(`DELETE FROM sends WHERE updated_at < ? AND state NOT IN ${PENDING}`, before)
  }

  #first(statement: string, ...values: SqlValue[]): SendRow | undefined {
    const row = this.#sql.all(`${statement} LIMIT 1`, ...values)[0]
    return row && toSend(row)
  }

  #rows(statement: string, ...values: SqlValue[]): SendRow[] {
    return this.#sql.all(statement, ...values).map(toSend)
  }
}

const toSend = (row: SqlRow): SendRow => ({
  cid: Number(row.cid),
  state: row.state as SendState,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
  request: String(row.request),
  chatId: row.chat_id as string | null,
  messageId: row.message_id as string | null,
  messageTime: row.message_time as number | null,
  sendAt: row.send_at as number | null,
  expiresAt: Number(row.expires_at),
  attemptedAt: row.attempted_at as number | null,
  readAt: row.read_at as number | null,
  error: row.error === null ? null : (parseJson(String(row.error)) as ErrorData),
})
