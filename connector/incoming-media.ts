import { type AttachmentKind, readAttaches } from '../schema/attachments.ts'
import { GatewayError, toErrorData } from '../schema/errors.ts'
import { narrow, timeOfMessage } from '../schema/ids.ts'
import { mediumId } from '../schema/media.ts'
import { findLink, linkOfAttach, type MediaLink } from '../schema/media-link.ts'
import {
  type Carried,
  type CarryOrder,
  type CourierRpc,
  type FetchedKind,
  type FileFacts,
  fetchedKinds,
} from '../schema/received-file.ts'
import type { SessionPort } from '../schema/session-port.ts'
import type { TenantStorage } from '../schema/storage-settings.ts'
import { asIdString, asNumber, asString, type WireMap } from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import type { EventLog } from './event-log.ts'
import { type IncomingRow, IncomingRows } from './incoming-rows.ts'
import type { MediaObject } from './storage/media-key.ts'
import type { MediaObjects, MediaPlace, StoredMedia } from './storage/media-objects.ts'
import type { Store } from './store.ts'

/** Files of one tenant under way at once. */
const AT_ONCE = 2
/** Files that wait; more of them are told of as `omitted`. */
export const MAX_WAITING_FILES = 5_000
/** Pause between requests: eight in 0.7 s once cost a client its session (operations-and-events.md §10.13). */
const PACE_MS = 250
/** Waits after the first failures; the attempt after the last wait is the last one. */
export const FETCH_RETRY_MS = [30_000, 5 * 60_000, 3_600_000, 6 * 3_600_000]
/** What MAX says it does not have is asked for this often. */
const NOT_FOUND_ATTEMPTS = 2
/** A file with which the process dies must not take it down for ever. */
const MAX_STARTS = 5
/** Longest life of a link, by SigV4. */
const LINK_S = 7 * 86_400
/** The courier has a limit of its own; this is for one that died. */
const CARRY_TIMEOUT_MS = 20 * 60_000

export interface IncomingMediaLimits {
  /** Received media are left with MAX. */
  isOff: boolean
  /** A larger file is not fetched. */
  maxBytes: number
  /** Content of so many bytes goes into an event. */
  inlineBytes: number
}

export interface IncomingMediaDeps {
  store: Store
  events: EventLog
  clock: Clock
  log: Log
  limits: IncomingMediaLimits
  courier: CourierRpc
  objects: Pick<MediaObjects, 'begin' | 'finish' | 'fail' | 'link'>
  /** Where media are stored now. */
  settings(): TenantStorage
  isOnline(): boolean
  call: SessionPort['call']
  /** The next attempt is due at another time than before. */
  onWait(): void
}

/** What is done with a file. */
interface Wanted {
  stores: boolean
  inlines: boolean
}

const wantedOf = ({ mediaDelivery, enabled }: TenantStorage): Wanted | undefined => {
  switch (mediaDelivery) {
    case 'url':
      return { stores: true, inlines: false }
    case 'base64':
      return { stores: false, inlines: true }
    case 'both':
      return { stores: true, inlines: true }
    case 's3':
      return enabled ? { stores: true, inlines: false } : undefined
    case 'none':
      return undefined
  }
}

/**
 * Fetches the content of what is received. A file is written down together with its message, so the
 * event log never waits for it, and `FileReady` tells what became of it. Rules IM in SPEC.md.
 */
export class IncomingMedia {
  readonly #deps: IncomingMediaDeps
  readonly #rows: IncomingRows
  /** Places of the files under way. */
  readonly #running = new Set<number>()
  /** When the next file is due, but for those under way. */
  #dueAt: number
  /** Before that MAX is not asked for another link. */
  #nextAskAt = 0
  #isOver = false

  constructor(deps: IncomingMediaDeps) {
    this.#deps = deps
    this.#rows = new IncomingRows(deps.store.sql)
    this.#dueAt = this.#rows.nextAt([]) ?? Number.POSITIVE_INFINITY
  }

  /** Writes down what a message brings, in the turn that stores its event: no crash comes in between. */
  note(chatId: string, message: WireMap): void {
    const { limits, settings, store, clock } = this.#deps
    const messageId = asIdString(message.id)
    if (limits.isOff || messageId === undefined || wantedOf(settings()) === undefined) return
    const own = asIdString(message.sender) === String(store.get('userId') ?? '')
    for (const { attachment, attach } of readAttaches(message)) {
      const { index, kind, name = null, size = null } = attachment
      const mediaId = mediumId(attach)
      if (!isFetched(kind) || mediaId === undefined) continue
      const file = { chatId, messageId, index, kind, mediaId, name, size }
      // An edit brings along what the message had before.
      if (store.hasEvent(keyOf(file))) continue
      if (this.#rows.count() >= MAX_WAITING_FILES) {
        this.#tell(file, { size, omitted: { reason: 'too_many', size } })
        continue
      }
      this.#rows.add({
        ...file,
        direction: own ? 'outbox' : 'inbox',
        sentAt: asNumber(message.time) ?? timeOfMessage(messageId),
        attach: addressOf(attach),
        retryAt: clock.now(),
      })
      this.#dueAt = Math.min(this.#dueAt, clock.now())
    }
    this.kick()
  }

  /** Begins whatever is due, as far as there is room. */
  kick(): void {
    const { clock, isOnline } = this.#deps
    if (this.#isOver || !isOnline() || this.#dueAt > clock.now()) return
    while (this.#running.size < AT_ONCE) {
      const row = this.#rows.due(clock.now(), this.#running)
      if (row === undefined) break
      this.#begin(row)
    }
    this.#dueAt = this.#rows.nextAt(this.#running) ?? Number.POSITIVE_INFINITY
  }

  /** When `kick` has to be called next; a link needs MAX, so offline never. */
  nextAt(): number | undefined {
    const isIdle = this.#running.size >= AT_ONCE || !this.#deps.isOnline() || this.#isOver
    return isIdle || this.#dueAt === Number.POSITIVE_INFINITY ? undefined : this.#dueAt
  }

  /** The account is gone, and with it the right to fetch anything of it. */
  abandon(): void {
    this.#rows.transaction(() => {
      for (const row of this.#rows.all()) {
        const message = 'The account was logged out before the file was fetched'
        this.#end(row, { error: { code: 'LOGIN_REQUIRED', message } })
      }
    })
    this.#dueAt = Number.POSITIVE_INFINITY
  }

  stop(): void {
    this.#isOver = true
  }

  #begin(row: IncomingRow): void {
    this.#running.add(row.place)
    this.#attempt(row)
      .catch((error: unknown) => {
        // Only a broken store can get here; the next start takes it up again.
        this.#deps.log('error', 'a received file could not be kept', { error: String(error) })
      })
      .finally(() => {
        this.#running.delete(row.place)
        if (this.#isOver) return
        this.#dueAt = this.#rows.nextAt(this.#running) ?? Number.POSITIVE_INFINITY
        this.kick()
        this.#deps.onWait()
      })
  }

  async #attempt(row: IncomingRow): Promise<void> {
    const { limits, settings } = this.#deps
    const wanted = wantedOf(settings())
    // Turned off meanwhile.
    if (wanted === undefined || limits.isOff) return this.#rows.delete(row.place)
    const most = wanted.stores ? limits.maxBytes : Math.min(limits.maxBytes, limits.inlineBytes)
    if (row.size !== null && row.size > most) return this.#tooLarge(row, { size: row.size })
    if (row.starts >= MAX_STARTS) {
      const message = 'The gateway stopped each time it fetched the file'
      return this.#end(row, { error: { code: 'TRANSFER_FAILED', message } })
    }
    this.#rows.started(row.place)
    try {
      await this.#fetch(row, wanted)
    } catch (error) {
      this.#failed(row, error)
    }
  }

  async #fetch(row: IncomingRow, wanted: Wanted): Promise<void> {
    const { messageId, mediaId } = row
    const place = { chatId: narrow(BigInt(row.chatId)), messageId }
    const max = { call: this.#call }
    // What failed before may have changed since it came.
    const anew = (refresh: boolean): Promise<MediaLink> =>
      findLink(max, { ...place, kind: 'file', index: 0, id: narrow(BigInt(mediaId)), refresh })
    const link = row.failures > 0 ? await anew(false) : await linkOfAttach(max, place, row.attach)
    try {
      await this.#carry(row, wanted, link)
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'NOT_FOUND') throw error
      // A link may have run out: MAX gives a new one.
      const fresh = await anew(true)
      if (fresh.url === link.url) throw error
      await this.#carry(row, wanted, fresh)
    }
  }

  async #carry(row: IncomingRow, { stores, inlines }: Wanted, link: MediaLink): Promise<void> {
    const { objects, courier, store, limits } = this.#deps
    const { id: tenantId = '', sandbox = false } = store.get('config') ?? {}
    const { maxBytes, inlineBytes } = limits
    const order: CarryOrder = {
      ...{ tenantId, sandbox, link, maxBytes, stores },
      inlineBytes: inlines ? inlineBytes : 0,
    }
    const { chatId, messageId, index, kind, direction, sentAt, name } = row
    let begun: { object: MediaObject; place: MediaPlace } | undefined
    const placeOf = async ({ contentType, size }: FileFacts) => {
      const object: MediaObject = {
        ...{ direction, chatId, messageId, index, kind, sentAt, contentType, size },
        ...(name === null ? {} : { fileName: name }),
      }
      const place = await objects.begin(object)
      begun = { object, place }
      return { ...place, ...(name === null ? {} : { fileName: name }) }
    }
    try {
      const isWanted = async () => !this.#isOver
      const reply = await this.#withDeadline(courier.carry(order, placeOf, isWanted))
      if (!reply.ok) {
        const { code, message, ...rest } = reply.error
        throw new GatewayError(code, message, rest)
      }
      const stored = begun && objects.finish(begun.place, begun.object, reply.data.size ?? 0)
      await this.#ready(row, reply.data, stored, inlines && reply.data.base64 === undefined)
    } catch (error) {
      if (begun !== undefined) objects.fail(begun.place)
      throw error
    }
  }

  async #ready(
    row: IncomingRow,
    { contentType, size, sha256, base64 }: Carried,
    stored: StoredMedia | undefined,
    isOmitted: boolean,
  ): Promise<void> {
    const { objects, settings, clock } = this.#deps
    const url = stored && (await objects.link(stored.key, LINK_S))
    const ends = Math.min(
      clock.now() + LINK_S * 1_000,
      stored?.expiresAt ?? Number.POSITIVE_INFINITY,
    )
    const { enabled, publicUrl } = settings()
    const expires = url !== undefined && !(enabled && publicUrl !== '')
    this.#end(row, {
      size,
      contentType,
      sha256,
      storageKey: stored?.key,
      url,
      urlExpiresAt: expires ? new Date(ends).toISOString() : undefined,
      base64,
      omitted: isOmitted ? { reason: 'too_large', size } : undefined,
    })
  }

  #failed(row: IncomingRow, error: unknown): void {
    const { clock, log, isOnline } = this.#deps
    if (this.#isOver || !this.#rows.has(row.place)) return
    const { code, message, details, retryAfterMs = 0 } = toErrorData(error)
    if (code === 'BODY_TOO_LARGE') {
      const size = Number(details?.size)
      return this.#tooLarge(row, Number.isNaN(size) ? {} : { size })
    }
    // The connection was lost: no fault of the file's.
    if (code === 'NOT_CONNECTED' || !isOnline()) return this.#rows.rested(row.place)
    const failures = row.failures + 1
    const wait = FETCH_RETRY_MS[row.failures]
    log('info', 'a received file could not be fetched', {
      ...{ code, attempt: failures, kind: row.kind },
      ...(code === 'INTERNAL_ERROR' ? { error: String(error) } : {}),
    })
    const isHopeless = code === 'NOT_FOUND' && failures >= NOT_FOUND_ATTEMPTS
    if (wait === undefined || isHopeless) this.#end(row, { error: { code, message } })
    else this.#rows.failed(row.place, failures, clock.now() + Math.max(wait, retryAfterMs))
  }

  #tooLarge(row: IncomingRow, { size }: { size?: number }): void {
    this.#end(row, { size, omitted: { reason: 'too_large', size } })
  }

  /** The end of a file's row: what became of it is in the log. */
  #end(row: IncomingRow, fields: Record<string, unknown>): void {
    this.#rows.transaction(() => {
      // A logout came first.
      if (!this.#rows.has(row.place)) return
      this.#rows.delete(row.place)
      this.#tell(row, fields)
    })
  }

  #tell(file: File, fields: Record<string, unknown>): void {
    const { chatId, messageId, index, kind, mediaId, name } = file
    const place = { chatId: narrow(BigInt(chatId)), messageId, index, kind }
    const facts = { mediaId: narrow(BigInt(mediaId)), name: name ?? undefined, ...fields }
    this.#deps.events.own('FileReady', { ...place, ...facts }, { chatId, dedupeKey: keyOf(file) })
  }

  /** Asks MAX, at a gentle pace. */
  readonly #call: SessionPort['call'] = async (opcode, payload) => {
    const { clock, call } = this.#deps
    const now = clock.now()
    const waitMs = Math.max(0, this.#nextAskAt - now)
    this.#nextAskAt = now + waitMs + PACE_MS
    if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve))
    return call(opcode, payload)
  }

  #withDeadline<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#deps.clock.after(CARRY_TIMEOUT_MS, () => {
        reject(new GatewayError('TRANSFER_FAILED', 'The transfer did not come to an end'))
      })
      work.then(resolve, reject).finally(cancel)
    })
  }
}

type File = Pick<IncomingRow, 'chatId' | 'messageId' | 'index' | 'mediaId' | 'kind' | 'name'>

/** Another file at the same place, after an edit, is another event. */
const keyOf = ({ chatId, messageId, index, mediaId }: Omit<File, 'kind' | 'name'>): string =>
  `file:${chatId}:${messageId}:${index}:${mediaId}`

const isFetched = (kind: AttachmentKind): kind is FetchedKind =>
  (fetchedKinds as readonly string[]).includes(kind)

/** Of an attachment, what MAX or its links are asked with: previews and waves would only take room. */
const addressOf = (attach: WireMap): WireMap => {
  const names = ['_type', 'photoId', 'photoToken', 'baseUrl', 'videoId', 'audioId', 'fileId']
  const address = Object.fromEntries(
    [...names, 'token', 'url', 'size'].map((name) => [name, attach[name]] as const),
  )
  return { ...address, name: asString(attach.name) }
}
