import type { Blobs, BlobWriter } from './blobs.ts'

const MiB = 1024 * 1024
/** A row takes 2 MB at most. */
const ROW_BYTES = MiB
/** The oldest contents go when all together are more than this. */
const KEEP_BYTES = 256 * MiB

/** Uploaded bytes as rows of an object's own SQLite, so that no more than one row is in memory. */
export class RowBlobs implements Blobs {
  readonly maxBytes = 64 * MiB
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(`CREATE TABLE IF NOT EXISTS blobs (
      id TEXT NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL,
      PRIMARY KEY (id, part)
    ) WITHOUT ROWID`)
  }

  async write(id: string): Promise<BlobWriter> {
    const sql = this.#sql
    sql.exec('DELETE FROM blobs WHERE id = ?', id)
    const row = new Uint8Array(ROW_BYTES)
    let filled = 0
    let part = 0
    const flush = (): void => {
      const bytes = row.slice(0, filled).buffer
      sql.exec('INSERT INTO blobs VALUES (?, ?, ?, ?)', id, part, Date.now(), bytes)
      part += 1
      filled = 0
    }
    return {
      write: async (chunk) => {
        for (let at = 0; at < chunk.length; ) {
          const piece = chunk.subarray(at, at + ROW_BYTES - filled)
          row.set(piece, filled)
          filled += piece.length
          at += piece.length
          if (filled === ROW_BYTES) flush()
        }
      },
      commit: async () => {
        flush()
        this.#makeRoom(id)
      },
      abort: async () => void sql.exec('DELETE FROM blobs WHERE id = ?', id),
    }
  }

  read(id: string, start: number, length: number): ReadableStream<Uint8Array> | undefined {
    const sql = this.#sql
    if (sql.exec('SELECT 1 FROM blobs WHERE id = ? LIMIT 1', id).toArray().length === 0) {
      return undefined
    }
    let at = start
    const end = start + length
    return new ReadableStream({
      pull: (controller) => {
        const part = Math.floor(at / ROW_BYTES)
        const from = at - part * ROW_BYTES
        const upTo = Math.min(ROW_BYTES, from + end - at)
        const [row] = sql
          .exec<{ bytes: ArrayBuffer }>(
            'SELECT substr(bytes, ?, ?) AS bytes FROM blobs WHERE id = ? AND part = ?',
            from + 1,
            upTo - from,
            id,
            part,
          )
          .toArray()
        if (at < end && row !== undefined && row.bytes.byteLength > 0) {
          controller.enqueue(new Uint8Array(row.bytes))
          at += row.bytes.byteLength
        } else controller.close()
      },
    })
  }

  #makeRoom(newest: string): void {
    const contents = this.#sql
      .exec<{ id: string; size: number }>(
        'SELECT id, sum(length(bytes)) AS size FROM blobs GROUP BY id ORDER BY max(at) DESC',
      )
      .toArray()
    let total = 0
    for (const { id, size } of contents) {
      total += size
      if (total > KEEP_BYTES && id !== newest) this.#sql.exec('DELETE FROM blobs WHERE id = ?', id)
    }
  }
}
