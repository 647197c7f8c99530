import { narrow, timeOfMessage } from '../schema/ids.ts'
import { Opcode } from '../schema/opcodes.ts'
import {
  asIdString,
  asMap,
  asMaps,
  asNumber,
  type WireMap,
  wireId,
  wireMessageId,
} from '../schema/wire.ts'
import type { EventLog } from './event-log.ts'
import type { KnownMessages } from './known-messages.ts'
import type { Store } from './store.ts'

/** Messages asked for at once: the web client's page is 30 to 40, 100 has been seen to work (§3.2). */
const PAGE = 100
/** How many known messages are looked at again for edits and deletions. */
const LOOK_BACK = 30

export interface MissedMessagesDeps {
  store: Store
  known: KnownMessages
  events: EventLog
}

/** One chat to read up. */
export interface Reading {
  chatId: string
  /** Its newest message, where MAX has named it. */
  last: bigint | undefined
  /** MAX's times, Unix ms: nothing older is told; edits from here on may be news. */
  oldest: number
  editedSince: number
  /** How many messages may be told. */
  limit: number
  /** Asks MAX; `undefined` when it refuses. */
  ask(opcode: Opcode, payload: WireMap): Promise<WireMap | undefined>
  /** False when what MAX answers is of no use any more. */
  isCurrent(): boolean
  /** What was told. */
  counts: { messages: number; edits: number; deletes: number }
  /** Called in the turn in which the chat is complete: from now on its pushes need not wait. */
  onDone(isCut: boolean): void
}

/**
 * Reads a chat from its mark to its end and tells what it finds, with the pushes that waited for it in
 * their places (CU2–CU4).
 */
export class MissedMessages {
  readonly #deps: MissedMessagesDeps

  constructor(deps: MissedMessagesDeps) {
    this.#deps = deps
  }

  /** Page by page; each is stored as a whole, with the mark. */
  async read(reading: Reading): Promise<void> {
    const { store, known } = this.#deps
    const { chatId, last, oldest, ask, isCurrent } = reading
    let after = known.mark(chatId)
    // Before the mark's millisecond, so that its other messages stand among the new ones.
    let from = Math.max(timeOf(after), oldest) - 1
    let size = PAGE
    let left = reading.limit
    let isCut = false
    const shown = new Set<bigint>()
    const suspects = new Set<bigint>()
    for (let backward = LOOK_BACK; ; backward = 0) {
      const reply = await ask(Opcode.CHAT_HISTORY, {
        ...{ chatId: wireId(chatId), from, forward: size, backward, getMessages: true },
      })
      if (!isCurrent()) return
      if (reply === undefined) return this.#end(reading, true, [])
      const page = asMaps(reply.messages)
        .filter((message) => asIdString(message.id) !== undefined)
        .sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
      const before = backward > 0 ? page.filter((message) => idOf(message) <= after) : []
      const news = page.filter((message) => idOf(message) > after)
      const fresh = news.filter((message) => timeOf(idOf(message)) >= oldest).slice(0, left)
      isCut ||= fresh.length < news.length
      // With `backward` the page goes on behind `from`, without it begins there (§3.2).
      const start = backward > 0 ? from + 1 : from
      const isFull = page.filter((message) => timeOf(idOf(message)) >= start).length >= size
      const reached = fresh.length === 0 ? after : idOf(fresh.at(-1) as WireMap)
      left -= fresh.length
      // Pages may be short in the middle: only nothing more, or the newest, is the end.
      const isEnd = !isFull && (fresh.length === 0 || (last !== undefined && reached >= last))
      const isDone = isEnd || left <= 0
      for (const message of page) shown.add(idOf(message))
      if (backward > 0) for (const id of this.#knownSince(chatId, before, after)) suspects.add(id)
      for (const { messageId } of known.held(chatId)) if (messageId) suspects.add(messageId)
      const deleted = isDone ? await gone(reading, suspects.difference(shown)) : []
      if (!isCurrent()) return
      store.transaction(() => {
        this.#tellEdits(reading, before)
        this.#tellMessages(reading, fresh, after, isEnd ? undefined : reached)
        if (isDone) this.#end(reading, isCut || !isEnd, deleted)
      })
      if (isDone) return
      // The next page begins with the last message of this one: others may share its millisecond.
      size = timeOf(reached) > from ? PAGE : size + PAGE
      from = Math.max(from, timeOf(reached))
      after = reached
    }
  }

  /** Tells what waits for a chat, in the order it arrived. */
  release(chatId: string): void {
    const { known, events, store } = this.#deps
    store.transaction(() => {
      for (const { opcode, payload, place } of known.held(chatId)) {
        if (!this.#isOldEdit(chatId, payload)) events.push({ opcode, payload })
        known.release(place)
      }
    })
  }

  #end({ chatId, counts, onDone }: Reading, isCut: boolean, deleted: bigint[]): void {
    this.release(chatId)
    onDone(isCut)
    counts.deletes += deleted.length
    // One by one: a push that tells of one of them too is then the same event.
    for (const id of deleted) {
      const payload = { chatId: narrow(BigInt(chatId)), messageIds: [id] }
      this.#deps.events.push({ opcode: Opcode.NOTIF_MSG_DELETE, payload }, true)
    }
  }

  /** New messages by id, those that were pushed meanwhile in their places among them. */
  #tellMessages({ chatId, counts }: Reading, fresh: WireMap[], after: bigint, upTo?: bigint): void {
    const { known, events } = this.#deps
    counts.messages += fresh.length
    const read = new Set(fresh.map(idOf))
    const news = fresh.map((message) => ({
      id: idOf(message),
      tell: () => this.#tell(chatId, message),
    }))
    for (const { messageId: id, opcode, payload, place } of known.held(chatId)) {
      if (id === undefined || id <= after || (upTo !== undefined && id > upTo)) continue
      // The edit of a message that was read waits for its turn; of one that is gone it is all there is.
      if (asMap(payload.message).status === 'EDITED' && read.has(id)) continue
      const tell = (): void => {
        events.push({ opcode, payload })
        known.release(place)
      }
      news.push({ id, tell })
    }
    for (const { tell } of news.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))) tell()
  }

  /** Edits of messages that were known before. */
  #tellEdits({ chatId, editedSince, counts }: Reading, before: WireMap[]): void {
    for (const message of before) {
      const { status, updateTime } = message
      if (status !== 'EDITED' || (asNumber(updateTime) ?? 0) <= editedSince) continue
      counts.edits += 1
      this.#tell(chatId, message)
    }
  }

  #tell(chatId: string, message: WireMap): void {
    const payload = { chatId: narrow(BigInt(chatId)), message }
    this.#deps.events.push({ opcode: Opcode.NOTIF_MESSAGE, payload }, true)
  }

  /** What was read shows a message as it is now: an edit that came before that is no news. */
  #isOldEdit(chatId: string, payload: WireMap): boolean {
    const { id, status, updateTime } = asMap(payload.message)
    if (status !== 'EDITED') return false
    return (asNumber(updateTime) ?? 0) < this.#deps.known.lastEdit(chatId, asIdString(id) ?? '')
  }

  /** Messages in the log that should stand in a page that looks back. */
  #knownSince(chatId: string, before: WireMap[], after: bigint): bigint[] {
    const first = before.length < LOOK_BACK ? 0n : idOf(before[0] ?? {})
    return this.#deps.known
      .loggedMessages(chatId, LOOK_BACK)
      .filter((id) => id >= first && id <= after)
  }
}

/**
 * Of messages that should stand in the history and do not, those that are gone. A page can be short
 * for other reasons (§3.2), so MAX is asked for them by id before anything is called deleted.
 */
const gone = async ({ chatId, ask }: Reading, missing: Set<bigint>): Promise<bigint[]> => {
  if (missing.size === 0) return []
  const messageIds = [...missing].sort((a, b) => (a < b ? -1 : 1))
  const payload = { chatId: wireId(chatId), messageIds: messageIds.map(wireMessageId) }
  const reply = await ask(Opcode.MSG_GET, payload)
  if (reply === undefined) return []
  const there = new Set(asMaps(reply.messages).map(idOf))
  return messageIds.filter((id) => !there.has(id))
}

const idOf = (message: WireMap): bigint => BigInt(asIdString(message.id) ?? 0)
const timeOf = (messageId: bigint): number => timeOfMessage(messageId.toString())
