import type { TenantStorage } from '../../schema/storage-settings.ts'
import type { Clock, Log } from '../clock.ts'
import type { Outbound } from '../outbound-fetch.ts'
import type { Store } from '../store.ts'
import type { Vault } from '../vault.ts'
import { BUCKET_OBJECTS, deleteSome, deletionDelay, reasonOf } from './deletion.ts'
import { type MediaObject, mediaPath } from './media-key.ts'
import { encodedKey, gatewayLink } from './media-link.ts'
import { type ObjectRow, ObjectRows } from './object-rows.ts'
import type { ObjectStore } from './object-store.ts'
import {
  OWN_BUCKET,
  openNamedStore,
  storeName,
  type TenantStorageDeps,
  tenantFolder,
} from './tenant-storage.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What a crash left half stored is deleted after this. */
const UNFINISHED_MS = DAY_MS
/** What failed to be stored may be there all the same. */
const FAILED_MS = HOUR_MS
/** How soon a go that deletes is looked after. */
const WATCH_MS = 30_000
/** Longest life of a link, by SigV4. */
const LONGEST_LINK_S = 7 * 86_400

/** An attachment that is stored. Times are Unix ms. */
export interface StoredMedia {
  key: string
  /** Bytes. */
  size: number
  contentType: string
  fileName?: string
  storedAt: number
  /** When it will be deleted; absent = never. */
  expiresAt?: number
}

/** A place for an object that is written down and not filled yet. */
export interface MediaPlace {
  store: string
  key: string
  storage: TenantStorage
}

export interface MediaObjectsDeps {
  store: Store
  vault: Vault
  clock: Clock
  log: Log
  /** The deployment's bucket. */
  bucket: ObjectStore
  outbound: Outbound
  /** Where the gateway is reached from outside, without a slash at the end; `''` = nobody knows. */
  publicUrl: string
  /** Where and for how long media are stored now. */
  settings(): TenantStorage
  /** The next deletion is due at another time than before. */
  onWait(): void
}

/**
 * A tenant's stored media: where they lie, links to them, and their end. An object is written down
 * before it is stored, so that whatever happens it is found and deleted in time. Rules MO in SPEC.md.
 */
export class MediaObjects {
  readonly #deps: MediaObjectsDeps
  readonly #rows: ObjectRows
  readonly #failures = new Map<string, number>()
  #nextAt: number | undefined
  #sweeping: Promise<void> | undefined
  /** Keys that the present go deletes. */
  #leaving = new Set<string>()
  #isOver = false

  constructor(deps: MediaObjectsDeps) {
    this.#deps = deps
    this.#rows = new ObjectRows(deps.store.sql)
    this.#nextAt = this.#rows.nextRemoval()
  }

  /** When the next object has to go, or the present go must be looked after; Unix ms. */
  get nextAt(): number | undefined {
    return this.#sweeping === undefined ? this.#nextAt : this.#deps.clock.now() + WATCH_MS
  }

  /** Writes an object down that is about to be stored: `finish` or `fail` has to follow. */
  async begin(object: MediaObject): Promise<MediaPlace> {
    const { store, clock, settings } = this.#deps
    const storage = settings()
    const tenantId = store.get('config')?.id
    if (tenantId === undefined || this.#isOver) throw new Error('the tenant is not set up')
    const key = `${tenantFolder(tenantId, storage)}${mediaPath(object)}`
    const place = { store: storeName(storage), key, storage }
    const now = clock.now()
    // A deletion of the same key that is under way must not hit what comes now.
    if (this.#leaving.has(key)) await this.#sweeping
    this.#rows.begin(
      { ...place, contentType: object.contentType, storedAt: now },
      now + UNFINISHED_MS,
    )
    this.#changed()
    return place
  }

  /** @param size bytes that were stored */
  finish(place: MediaPlace, object: MediaObject, size: number): StoredMedia {
    const { clock, settings } = this.#deps
    if (this.#isOver) throw new Error('the tenant is deleted')
    const now = clock.now()
    const expiresAt = expiryOf(now, settings())
    const row: ObjectRow = {
      store: place.store,
      key: place.key,
      size,
      contentType: object.contentType,
      fileName: object.fileName ?? null,
      storedAt: now,
      expiresAt,
      removeAt: expiresAt,
      attempts: 0,
    }
    this.#rows.finish(row)
    this.#changed()
    return toMedia(row)
  }

  fail({ store, key }: MediaPlace): void {
    if (this.#isOver) return
    this.#rows.abandon(store, key, this.#deps.clock.now() + FAILED_MS)
    this.#changed()
  }

  /** What is stored under a key, if all of it is. */
  find(key: string): StoredMedia | undefined {
    const row = this.#rows.find(key)
    return row && toMedia(row)
  }

  /**
   * A link that opens an object: under the bucket's public address, signed by its S3, or of the
   * gateway itself; these two for `expiresInS` seconds, 7 days at most. `undefined` when there is no
   * such object, or it lies in an S3 whose keys are gone.
   */
  async link(key: string, expiresInS: number): Promise<string | undefined> {
    const { settings, vault, clock, publicUrl } = this.#deps
    const row = this.#rows.find(key)
    if (row === undefined) return undefined
    const seconds = Math.min(Math.max(1, Math.floor(expiresInS)), LONGEST_LINK_S)
    if (row.store === OWN_BUCKET) {
      return gatewayLink(vault, publicUrl, key, Math.floor(clock.now() / 1000) + seconds)
    }
    const storage = settings()
    if (storage.publicUrl !== '' && row.store === storeName({ ...storage, enabled: true })) {
      return `${storage.publicUrl}/${encodedKey(key)}`
    }
    const store = await openNamedStore(row.store, storage, this.#storeDeps)
    const fileName = row.fileName ?? undefined
    return store?.link(key, {
      expiresInS: seconds,
      ...(fileName === undefined ? {} : { fileName }),
    })
  }

  /** Everything that is stored is kept as long as the settings say now. */
  redate(): void {
    const { retentionDays } = this.#deps.settings()
    this.#rows.redate(retentionDays === 0 ? undefined : retentionDays * DAY_MS)
    this.#changed()
  }

  /**
   * Deletes what is due; a go has a bounded size, and the rest is due at once again.
   * @returns when the go is over; never rejects
   */
  async tick(): Promise<void> {
    const due = this.#nextAt !== undefined && this.#nextAt <= this.#deps.clock.now()
    if (!due || this.#isOver) return
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => {
        this.#deps.log('error', 'stored media could not be looked through', {
          error: String(error),
        })
      })
      .finally(() => {
        this.#sweeping = undefined
        this.#leaving.clear()
        if (!this.#isOver) this.#changed()
      })
    await this.#sweeping
  }

  stop(): void {
    this.#isOver = true
  }

  async #sweep(): Promise<void> {
    const due = this.#rows.due(this.#deps.clock.now(), BUCKET_OBJECTS)
    this.#leaving = new Set(due.map(({ key }) => key))
    for (const [name, rows] of Map.groupBy(due, ({ store }) => store)) {
      await this.#sweepStore(name, rows)
    }
  }

  async #sweepStore(name: string, rows: ObjectRow[]): Promise<void> {
    const { clock, log } = this.#deps
    const { gone, failure } = await this.#delete(name, rows)
    // By now nothing of the tenant may be written any more.
    if (this.#isOver) return
    this.#rows.forget(gone)
    if (failure === undefined) {
      this.#failures.delete(name)
      return
    }
    const failures = gone.length > 0 ? 1 : (this.#failures.get(name) ?? 0) + 1
    this.#failures.set(name, failures)
    const now = clock.now()
    const [first] = failure.rows
    this.#rows.postpone(failure.rows, now + deletionDelay((first?.attempts ?? 0) + 1))
    this.#rows.pause(name, now, now + deletionDelay(failures))
    log('warn', 'stored media could not be deleted', { failures, reason: reasonOf(failure.error) })
  }

  async #delete(name: string, rows: ObjectRow[]) {
    const { settings, log } = this.#deps
    try {
      const store = await openNamedStore(name, settings(), this.#storeDeps)
      if (store !== undefined) return await deleteSome(name, store, rows)
      log('warn', 'media stay in a storage whose keys are gone', { objects: rows.length })
      return { gone: rows }
    } catch (error) {
      return { gone: [], failure: { rows: rows.slice(0, 1), error } }
    }
  }

  get #storeDeps(): TenantStorageDeps {
    const { vault, clock, bucket, outbound } = this.#deps
    return { vault, clock, bucket, fetch: (url, init) => outbound.fetch(url, init) }
  }

  #changed(): void {
    this.#nextAt = this.#rows.nextRemoval()
    this.#deps.onWait()
  }
}

const expiryOf = (storedAt: number, { retentionDays }: TenantStorage): number | null =>
  retentionDays === 0 ? null : storedAt + retentionDays * DAY_MS

const toMedia = (row: ObjectRow): StoredMedia => ({
  key: row.key,
  size: row.size ?? 0,
  contentType: row.contentType,
  ...(row.fileName === null ? {} : { fileName: row.fileName }),
  storedAt: row.storedAt,
  ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt }),
})
