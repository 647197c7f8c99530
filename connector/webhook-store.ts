import { parseJson, stringifyJson } from '../schema/json.ts'
import type { WebhookSettings } from '../schema/webhooks-port.ts'
import type { Sql, SqlRow } from './sql.ts'

export interface WebhookRow {
  id: string
  /** What differs from the defaults. */
  settings: Partial<WebhookSettings>
  /** Names of the own headers; their values are in `headers`. */
  headerNames: string[]
  /** Own headers, sealed JSON; `null` for none. */
  headers: string | null
  /** Signing secret, sealed. */
  secret: string
  /** The secret before it, sealed, and until when it signs too (Unix ms). */
  oldSecret: string | null
  oldSecretUntil: number
  createdAt: number
  updatedAt: number
}

/** The endpoints of a tenant. */
export class WebhookStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** Oldest first. */
  all(): WebhookRow[] {
    return this.#sql.all('SELECT * FROM webhooks ORDER BY created_at, id').map(toRow)
  }

  find(id: string): WebhookRow | undefined {
    return this.#sql.all('SELECT * FROM webhooks WHERE id = ?', id).map(toRow)[0]
  }

  save(row: WebhookRow): void {
    this.#sql.all(
      `INSERT OR REPLACE INTO webhooks (id, settings, header_names, headers, secret, old_secret,
         old_secret_until, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      stringifyJson(row.settings),
      stringifyJson(row.headerNames),
      row.headers,
      row.secret,
      row.oldSecret,
      row.oldSecretUntil,
      row.createdAt,
      row.updatedAt,
    )
  }

  delete(id: string): void {
    this.#sql.all('DELETE FROM webhooks WHERE id = ?', id)
  }
}

const toRow = (row: SqlRow): WebhookRow => ({
  id: String(row.id),
  settings: parseJson(String(row.settings)) as Partial<WebhookSettings>,
  headerNames: parseJson(String(row.header_names)) as string[],
  headers: row.headers as string | null,
  secret: String(row.secret),
  oldSecret: row.old_secret as string | null,
  oldSecretUntil: Number(row.old_secret_until),
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
})
