import type { Sql } from './sql.ts'
import type { LoggedEvent } from './store.ts'

/** Events of one segment. Counting by segments spares a sum over the whole log. */
export const SEGMENT = 256
const segmentOf = (sequence: number): number => Math.floor(sequence / SEGMENT)

interface Segment {
  segment: number
  bytes: number
  newestAt: number
}

/**
 * How large the event log is and how old its parts are. Finished segments have a row; the one that
 * grows is counted in memory and again after a restart.
 */
export class LogSize {
  readonly #sql: Sql
  /** Finished ones, oldest first. */
  #segments: Segment[]
  #current: Segment

  constructor(sql: Sql, lastSequence: number) {
    this.#sql = sql
    this.#segments = sql
      .all('SELECT segment, bytes, newest_at FROM log_segments ORDER BY segment')
      .map((row) => ({
        segment: Number(row.segment),
        bytes: Number(row.bytes),
        newestAt: Number(row.newest_at),
      }))
    this.#current = this.#count(segmentOf(lastSequence))
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, this.#current.bytes)
  }

  /** Counts an appended event in; true when it began a new segment. */
  appended({ sequence, createdAt, body }: Pick<LoggedEvent, 'sequence' | 'createdAt' | 'body'>) {
    const segment = segmentOf(sequence)
    const isNew = segment !== this.#current.segment
    if (isNew) {
      this.#save(this.#current)
      this.#segments.push(this.#current)
      this.#current = { segment, bytes: 0, newestAt: 0 }
    }
    this.#current.bytes += sizeOf(body)
    this.#current.newestAt = Math.max(this.#current.newestAt, createdAt)
    return isNew
  }

  /** The last event that is older than a time, together with all before it; 0 = none. */
  lastBefore(time: number): number {
    const young = this.#segments.findIndex(({ newestAt }) => newestAt >= time)
    const { segment } = this.#segments[young] ?? this.#current
    const row = this.#sql.all(
      `SELECT max(sequence) AS last FROM events WHERE sequence < coalesce(
         (SELECT sequence FROM events WHERE sequence >= ? AND created_at >= ?
          ORDER BY sequence LIMIT 1), ?)`,
      segment * SEGMENT,
      time,
      (segment + 1) * SEGMENT,
    )[0]
    return Number(row?.last ?? 0)
  }

  /** The last event that has to go for the log to be no larger than that; 0 = none. */
  lastBeyond(maxBytes: number): number {
    let { bytes } = this
    let last = 0
    for (const each of this.#segments) {
      if (bytes <= maxBytes) break
      bytes -= each.bytes
      last = (each.segment + 1) * SEGMENT - 1
    }
    return last
  }

  /** Deletes events up to this one, and what is known of them elsewhere in the log's tables. */
  deleteThrough(sequence: number): void {
    this.#sql.all('DELETE FROM events WHERE sequence <= ?', sequence)
    this.#sql.all('DELETE FROM parked WHERE sequence <= ?', sequence)
    const boundary = segmentOf(sequence + 1)
    this.#sql.all('DELETE FROM log_segments WHERE segment < ?', boundary)
    this.#segments = this.#segments.filter(({ segment }) => segment >= boundary)
    const [first] = this.#segments
    if (boundary === this.#current.segment) this.#current = this.#count(boundary)
    else if (first?.segment === boundary) {
      Object.assign(first, this.#count(boundary))
      this.#save(first)
    }
  }

  #count(segment: number): Segment {
    const row = this.#sql.all(
      `SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) AS bytes,
              coalesce(max(created_at), 0) AS newest
       FROM events WHERE sequence >= ? AND sequence < ?`,
      segment * SEGMENT,
      (segment + 1) * SEGMENT,
    )[0]
    return { segment, bytes: Number(row?.bytes), newestAt: Number(row?.newest) }
  }

  #save({ segment, bytes, newestAt }: Segment): void {
    this.#sql.all(
      'INSERT OR REPLACE INTO log_segments (segment, bytes, newest_at) VALUES (?, ?, ?)',
      segment,
      bytes,
      newestAt,
    )
  }
}

/** Bytes of a text in UTF-8, without encoding it. */
const sizeOf = (text: string): number => {
  let size = text.length
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // A surrogate is half of four bytes.
    size += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return size
}
