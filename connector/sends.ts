import { GatewayError } from '../schema/errors.ts'
import type { IdValue } from '../schema/ids.ts'
import type {
  Page,
  PageRequest,
  ScheduleChange,
  ScheduledSend,
  ScheduleTimes,
  SendState,
  SendStatus,
  SendsPort,
} from '../schema/sends-port.ts'
import type { OutgoingMessage } from '../schema/session-port.ts'
import { asMap, type WireMap } from '../schema/wire.ts'
import { cidOfSendId } from './cid.ts'
import type { Clock } from './clock.ts'
import type { Outgoing } from './outgoing.ts'
import { newRow, payloadOf } from './send-row.ts'
import { publicScheduled, publicSend } from './send-status.ts'
import type { SendRow, SendStore } from './send-store.ts'
import { payloadFromText, payloadToText } from './wire-text.ts'

const MAX_SCHEDULED = 10_000
/** So many are taken up at once; the alarm rings again at once for the rest. */
const DUE_BATCH = 200
/** Read marks that are remembered for messages whose outcome is not known yet. */
const MARKS = 1_000

export interface SendsDeps {
  store: SendStore
  outgoing: Outgoing
  clock: Clock
  /** Called in the turn in which a message's new state is written down. */
  onStatus(row: SendRow): void
}

/**
 * What is known of this tenant's own messages, and those that wait for their time. Rules SD1–SD7 in
 * SPEC.md.
 */
export class Sends implements SendsPort {
  readonly #deps: SendsDeps
  /** How far others have read, by chat. */
  readonly #marks = new Map<string, number>()

  constructor(deps: SendsDeps) {
    this.#deps = deps
  }

  /** When the next scheduled message is due. */
  get nextAt(): number | undefined {
    return this.#deps.store.scheduled(undefined, 1)[0]?.sendAt ?? undefined
  }

  find(id: string, chatId?: IdValue): SendStatus {
    return publicSend(this.#row(id, chatId))
  }

  list({
    status,
    cursor,
    limit,
  }: PageRequest & { status?: SendState | undefined }): Page<SendStatus> {
    const { store, outgoing } = this.#deps
    outgoing.flush()
    const [createdAt, cid] = readCursor(cursor)
    const before = createdAt === undefined ? undefined : { createdAt, cid }
    const rows = store.page(status, before, limit + 1)
    return pageOf(rows, limit, publicSend, (row) => row.createdAt)
  }

  schedule(
    message: OutgoingMessage,
    { cid, sendAt, expiresAt }: ScheduleTimes & { cid: number },
  ): ScheduledSend {
    const { store, clock } = this.#deps
    // The same request under the same key.
    const known = store.find(cid)
    if (known) return publicScheduled(known)
    if (store.countScheduled() >= MAX_SCHEDULED) {
      throw new GatewayError('CONFLICT', `${MAX_SCHEDULED} messages are scheduled already`)
    }
    const row: SendRow = {
      ...newRow(cid, payloadOf(message), clock.now()),
      state: 'scheduled',
      sendAt,
      expiresAt,
      attemptedAt: null,
    }
    store.insert(row)
    this.#deps.onStatus(row)
    return publicScheduled(row)
  }

  scheduled({
    cursor,
    limit,
    chatId,
  }: PageRequest & { chatId?: IdValue | undefined }): Page<ScheduledSend> {
    const [sendAt, cid] = readCursor(cursor)
    const after = sendAt === undefined ? undefined : { sendAt, cid }
    const inChat = chatId === undefined ? undefined : String(chatId)
    const rows = this.#deps.store.scheduled(after, limit + 1, inChat)
    return pageOf(rows, limit, publicScheduled, (row) => row.sendAt ?? 0)
  }

  reschedule(id: string, change: ScheduleChange): ScheduledSend {
    const row = this.#waiting(id)
    const { message, notify, sendAt, expiresAt } = change
    const payload = payloadFromText(row.request)
    const changed: WireMap = {
      ...payload,
      message: { ...asMap(payload.message), ...message },
      notify: notify ?? payload.notify,
    }
    return publicScheduled(
      this.#change(row, {
        request: payloadToText(changed),
        sendAt: sendAt ?? row.sendAt,
        expiresAt: expiresAt ?? row.expiresAt,
      }),
    )
  }

  cancel(id: string): SendStatus {
    return publicSend(this.#change(this.#waiting(id), { state: 'canceled' }))
  }

  /** Takes up what is due, unless it is too late for it. */
  release(): void {
    const { store, outgoing, clock } = this.#deps
    const now = clock.now()
    for (const row of store.scheduled(undefined, DUE_BATCH)) {
      if (row.sendAt === null || row.sendAt > now) return
      if (row.expiresAt > now) {
        if (!outgoing.hasRoom) return
        outgoing.release(row)
      } else {
        const { code, message } = new GatewayError('EXPIRED')
        this.#change(row, { state: 'failed', error: { code, message } })
      }
    }
  }

  /** The account is given up: nothing of it may leave under another one. */
  abandon(): void {
    for (;;) {
      const rows = this.#deps.store.scheduled(undefined, DUE_BATCH)
      for (const row of rows) {
        const error = { code: 'LOGIN_REQUIRED', message: 'the account was logged out' } as const
        this.#change(row, { state: 'canceled', error })
      }
      if (rows.length === 0) return
    }
  }

  /** Somebody else has read a chat up to a time. */
  markRead(chatId: string, mark: number): void {
    const { store, outgoing } = this.#deps
    // Last in, so that the oldest is dropped first.
    this.#marks.delete(chatId)
    this.#marks.set(chatId, mark)
    const [oldest] = this.#marks.keys()
    if (this.#marks.size > MARKS && oldest !== undefined) this.#marks.delete(oldest)
    outgoing.flush()
    for (const row of store.unreadUpTo(chatId, mark)) this.#read(row)
  }

  /** A message was sent: its answer may have come after the news that somebody read it. */
  sent(row: SendRow): void {
    const mark = this.#marks.get(row.chatId ?? '')
    if (mark !== undefined && row.messageTime !== null && row.messageTime <= mark) this.#read(row)
  }

  #read(row: SendRow): void {
    this.#change(row, { state: 'read', readAt: this.#deps.clock.now() })
  }

  #change(row: SendRow, change: Partial<SendRow>): SendRow {
    const { store, clock, onStatus } = this.#deps
    const updatedAt = clock.now()
    store.update({ ...change, cid: row.cid, updatedAt })
    const changed = { ...row, ...change, updatedAt }
    onStatus(changed)
    return changed
  }

  #row(id: string, chatId?: IdValue): SendRow {
    const { store, outgoing } = this.#deps
    outgoing.flush()
    const cid = cidOfSendId(id)
    const inChat = chatId === undefined ? undefined : String(chatId)
    const row = cid === undefined ? store.findByMessageId(id, inChat) : store.find(cid)
    if (row === undefined) throw new GatewayError('NOT_FOUND', 'no message of yours has this id')
    return row
  }

  #waiting(id: string): SendRow {
    const row = this.#row(id)
    if (row.state === 'scheduled') return row
    throw new GatewayError('CONFLICT', `the message is ${row.state}, no longer scheduled`)
  }
}

const pageOf = <Item>(
  rows: SendRow[],
  limit: number,
  show: (row: SendRow) => Item,
  order: (row: SendRow) => number,
): Page<Item> => {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  const items = rows.slice(0, limit).map(show)
  if (last === undefined) return { items }
  return { items, nextCursor: `${order(last).toString(36)}.${last.cid.toString(36)}` }
}

const readCursor = (cursor: string | undefined): [number, number] | [undefined, 0] => {
  if (cursor === undefined) return [undefined, 0]
  const parts = cursor.split('.').map((part) => Number.parseInt(part, 36))
  const [order, cid] = parts
  if (!/^[0-9a-z]+\.[0-9a-z]+$/.test(cursor) || order === undefined || cid === undefined) {
    throw new GatewayError('INVALID_INPUT', 'cursor: expected what a page gave', {
      field: 'cursor',
    })
  }
  return [order, cid]
}
