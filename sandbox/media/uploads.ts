import type { Rows } from '../storage.ts'

/** What can be uploaded (operations-and-events.md §4.1). */
export type UploadKind = 'photo' | 'sticker' | 'video' | 'note' | 'voice' | 'file'

/**
 * One upload slot and what came of it. `issued` waits for the bytes; `received` is being processed
 * until `readyAt`; a `failed` one never becomes an attachment.
 */
export interface Upload {
  readonly id: number
  readonly kind: UploadKind
  readonly ownerId: number
  /** The `photoIds` of a photo's URL, and the key of its answer. */
  readonly slotKey: string
  /** What a message is sent with. */
  readonly token: string
  /** Signs the upload URL and the links to the content. */
  readonly secret: string
  /** Unix ms after which nothing may be uploaded any more. */
  readonly expiresAt: number
  state: 'issued' | 'received' | 'failed'
  readyAt: number
  name: string
  mimeType: string
  sizeBytes: number
  /** Hex, of the bytes as they arrived. */
  sha256: string
  width: number
  height: number
}

/** What a new slot draws on. */
interface Source {
  now(): number
  hex(length: number): string
  below(limit: number): number
}

/** Slots and uploads by their ids and tokens. */
export class Uploads {
  readonly #rows: Rows
  readonly #source: Source
  readonly #byId = new Map<number, Upload>()
  readonly #byToken = new Map<string, Upload>()

  constructor(rows: Rows, source: Source) {
    this.#rows = rows
    this.#source = source
  }

  issue(kind: UploadKind, ownerId: number, ttlMs: number): Upload {
    const { now, hex, below } = this.#source
    let id = 1_000_000_000 + below(8_000_000_000)
    while (this.#byId.has(id)) id += 1
    const upload: Upload = {
      id,
      kind,
      ownerId,
      // Characters that a client must decode to find its answer under the key.
      slotKey: `${hex(12)}+/${hex(6)}==`,
      token: `${kind}_${hex(48)}`,
      secret: hex(32),
      expiresAt: now() + ttlMs,
      state: 'issued',
      readyAt: 0,
      name: '',
      mimeType: 'application/octet-stream',
      sizeBytes: 0,
      sha256: '',
      width: 0,
      height: 0,
    }
    this.restore(upload)
    this.save(upload)
    return upload
  }

  byId(id: number): Upload | undefined {
    return this.#byId.get(id)
  }

  byToken(token: string): Upload | undefined {
    return this.#byToken.get(token)
  }

  all(): Upload[] {
    return [...this.#byId.values()]
  }

  save(upload: Upload): void {
    this.#rows.put(`upload/${upload.id}`, upload)
  }

  /** Takes in what a row holds. */
  restore(upload: Upload): void {
    this.#byId.set(upload.id, upload)
    this.#byToken.set(upload.token, upload)
  }
}
