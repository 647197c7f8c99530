import { GatewayError } from '../schema/errors.ts'
import { chatOf } from '../schema/events.ts'
import { narrow } from '../schema/ids.ts'
import { Opcode } from '../schema/opcodes.ts'
import {
  asIdString,
  asMap,
  asMaps,
  asNumber,
  type Frame,
  Limit,
  type WireMap,
  wireId,
  wireMessageId,
} from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import type { EventLog } from './event-log.ts'
import type { KnownMessages } from './known-messages.ts'
import type { Store } from './store.ts'

/** How much of an outage is caught up. Any of them 0 = nothing is. */
export interface CatchUpLimits {
  chats: number
  /** Messages per chat; the oldest are told of first. */
  messages: number
  hours: number
}

/** Kept from one login to the next. */
export interface CatchUpState {
  /** Whose messages the log tells of. */
  userId: number
  /** MAX's time up to which nothing is missing, Unix ms. */
  since: number
  /** MAX's time at which the session was lost; absent while it is online, and after a crash. */
  lostAt?: number
}

const HOUR = 3_600_000
/** Messages asked for at once: the web client's page is 30 to 40, 100 has been seen to work (§3.2). */
const PAGE = 100
/** How many known messages are looked at again for edits and deletions. */
const LOOK_BACK = 30
/** Pause between requests: eight in 0.7 s once cost a client its session (operations-and-events.md §10.13). */
const PACE_MS = 250
const RETRY_MS = 5_000
const TRIES = 4
/** The time of a loss is ours to notice, up to two pings late. */
const LOSS_SLACK_MS = 120_000

export interface CatchUpDeps {
  store: Store
  known: KnownMessages
  events: EventLog
  clock: Clock
  log: Log
  limits: CatchUpLimits
  call(opcode: Opcode, payload: WireMap): Promise<WireMap>
}

/** One catch-up, from a login to its end or to the loss of that connection. */
interface Run {
  since: number
  lostAt: number
  /** MAX's time of the login. */
  loginAt: number
  /** Chats to look at, newest first, with the newest message MAX names. Pushes of them are held. */
  pending: Map<string, bigint | undefined>
  done: Set<string>
  /** False while MAX may still name chats that changed. */
  isListed: boolean
  oldestListed: number
  counts: { messages: number; edits: number; deletes: number }
  /** Chats of which something was left out. */
  cut: Set<string>
  /** No more chats are taken. */
  isFull: boolean
}

/**
 * Turns what happened while the session was offline into the events it would have been. From a login
 * on, pushes of a chat wait, stored, until that chat has been read up: so its events keep their order,
 * whatever breaks in between. Rules CU1–CU8 in SPEC.md.
 */
export class CatchUp {
  readonly #deps: CatchUpDeps
  /** A login is under way: what changed is not known yet, so pushes of all chats wait. */
  #isGreeting = false
  #run: Run | undefined
  /** MAX's clock minus ours. */
  #skewMs = 0

  constructor(deps: CatchUpDeps) {
    this.#deps = deps
  }

  /** MAX's time up to which chats are caught up: what LOGIN asks from; `undefined` before the first. */
  get since(): number | undefined {
    return this.#deps.store.get('catchUp')?.since
  }

  /** LOGIN goes out. */
  greet(): void {
    this.#run = undefined
    this.#isGreeting = true
  }

  /** LOGIN was answered: begins to catch up, unless the account is new here. */
  loggedIn(reply: WireMap, userId: number): void {
    const { store, clock, limits } = this.#deps
    this.#isGreeting = false
    const loginAt = asNumber(reply.time) ?? clock.now()
    this.#skewMs = loginAt - clock.now()
    const state = store.get('catchUp')
    if (state?.userId !== userId) {
      this.forget()
      store.set('catchUp', { userId, since: loginAt })
      return
    }
    if (Math.min(limits.chats, limits.messages, limits.hours) <= 0) {
      this.#releaseAll()
      store.set('catchUp', { userId, since: loginAt })
      return
    }
    const run: Run = {
      since: state.since,
      lostAt: Math.max(state.since, (state.lostAt ?? 0) - LOSS_SLACK_MS),
      loginAt,
      pending: new Map(),
      done: new Set(),
      isListed: false,
      oldestListed: Number.POSITIVE_INFINITY,
      counts: { messages: 0, edits: 0, deletes: 0 },
      cut: new Set(),
      isFull: false,
    }
    this.#run = run
    // What waits since an earlier login that was lost again.
    for (const chatId of this.#deps.known.chatsHeld()) run.pending.set(chatId, undefined)
    const chats = asMaps(reply.chats)
    this.#plan(run, chats)
    if (chats.length < Limit.chatsCount) run.isListed = true
    this.#catchUp(run).catch((error: unknown) => {
      const code = error instanceof GatewayError ? error.code : String(error)
      this.#deps.log('warn', 'catching up broke off', { error: code })
      // A lost connection takes it up again; anything else must not leave pushes waiting.
      if (code !== 'NOT_CONNECTED' && this.#run === run) this.#giveUp(run)
    })
  }

  /** The session went offline: what has happened since is what the next login catches up. */
  lost(): void {
    const { store, clock } = this.#deps
    this.#run = undefined
    const state = store.get('catchUp')
    // An outage that was not caught up yet began earlier.
    if (state === undefined || state.lostAt !== undefined) return
    store.set('catchUp', { ...state, lostAt: clock.now() + this.#skewMs })
  }

  /** The account is given up: what waits is told, the rest forgotten. */
  forget(): void {
    const { store, known } = this.#deps
    this.#run = undefined
    this.#isGreeting = false
    this.#releaseAll()
    store.delete('catchUp')
    known.clear()
  }

  /**
   * Keeps a push back if its chat is being caught up. What it kept is stored: it may be acknowledged.
   * @returns false for a push that is the caller's to store
   */
  holds(push: Frame): boolean {
    const run = this.#run
    if (!this.#isGreeting && run === undefined) return false
    // Who is typing now is no news later.
    if (push.opcode === Opcode.NOTIF_TYPING) return false
    const chatId = chatOf(asMap(push.payload))
    if (chatId === undefined) return false
    if (run !== undefined && !run.pending.has(chatId)) {
      if (run.isListed || run.done.has(chatId)) return false
      // Not named so far: it may have missed messages, so it takes its turn.
      run.pending.set(chatId, undefined)
    }
    this.#deps.known.hold(chatId, push)
    return true
  }

  /** Adds chats that changed, as MAX lists them. */
  #plan(run: Run, chats: WireMap[]): number {
    let fresh = 0
    for (const chat of chats) {
      const chatId = asIdString(chat.id)
      const changedAt = asNumber(chat.lastEventTime) ?? 0
      run.oldestListed = Math.min(run.oldestListed, changedAt)
      if (chatId === undefined || run.pending.has(chatId) || run.done.has(chatId)) continue
      fresh += 1
      const last = idOf(asMap(chat.lastMessage))
      const hasNews = last !== undefined && last > this.#deps.known.mark(chatId)
      const hasChanges = Math.max(asNumber(chat.modified) ?? 0, changedAt) > run.lostAt
      // A chat that the account left cannot be read any more.
      const isReadable = chat.status === undefined || chat.status === 'ACTIVE'
      if (!isReadable || !(hasNews || hasChanges)) continue
      if (run.pending.size + run.done.size >= this.#deps.limits.chats) {
        run.isFull = true
        run.cut.add(chatId)
        continue
      }
      run.pending.set(chatId, last)
    }
    return fresh
  }

  async #catchUp(run: Run): Promise<void> {
    while (this.#run === run) {
      const next = run.pending.entries().next()
      if (!next.done) await this.#chat(run, ...next.value)
      else if (!run.isListed) await this.#listMore(run)
      else return this.#finish(run)
    }
  }

  /** LOGIN names a limited number of chats; the rest is asked for page by page. */
  async #listMore(run: Run): Promise<void> {
    if (run.oldestListed <= run.since || run.isFull) {
      run.isListed = true
      return
    }
    // One more than the oldest: others may have changed in the same millisecond.
    const reply = await this.#ask(run, Opcode.CHATS_LIST, { marker: run.oldestListed + 1 })
    if (this.#run !== run) return
    const before = run.oldestListed
    const fresh = reply === undefined ? 0 : this.#plan(run, asMaps(reply.chats))
    if (reply === undefined) run.isFull = true
    if (fresh === 0 || run.oldestListed >= before) run.isListed = true
  }

  #finish(run: Run): void {
    const { store, events } = this.#deps
    const { userId } = store.get('catchUp') as CatchUpState
    this.#run = undefined
    store.transaction(() => {
      store.set('catchUp', { userId, since: run.loginAt })
      events.own('HistorySync', {
        chats: run.done.size,
        ...run.counts,
        truncated: run.isFull || run.cut.size > 0,
        truncatedChats: [...run.cut].map((chatId) => narrow(BigInt(chatId))),
      })
    })
  }

  #giveUp(run: Run): void {
    for (const chatId of run.pending.keys()) run.cut.add(chatId)
    this.#releaseAll()
    this.#finish(run)
  }

  /** Reads one chat from where it was left, page by page; each page is stored as a whole. */
  async #chat(run: Run, chatId: string, last: bigint | undefined): Promise<void> {
    const { limits, clock, store, known } = this.#deps
    const oldest = clock.now() + this.#skewMs - limits.hours * HOUR
    let after = known.mark(chatId)
    // Before the mark's millisecond, so that its other messages stand among the new ones.
    let from = Math.max(timeOf(after), oldest) - 1
    let size = PAGE
    let left = limits.messages
    const shown = new Set<bigint>()
    const suspects = new Set<bigint>()
    for (let backward = LOOK_BACK; ; backward = 0) {
      const reply = await this.#ask(run, Opcode.CHAT_HISTORY, {
        ...{ chatId: wireId(chatId), from, forward: size, backward, getMessages: true },
      })
      if (this.#run !== run) return
      if (reply === undefined) return this.#chatDone(run, chatId, true)
      const page = asMaps(reply.messages)
        .filter((message) => idOf(message) !== undefined)
        .sort((a, b) => (order(a) < order(b) ? -1 : 1))
      const before = backward > 0 ? page.filter((message) => order(message) <= after) : []
      const news = page.filter((message) => order(message) > after)
      const young = news.filter((message) => timeOf(order(message)) >= oldest)
      const fresh = young.slice(0, left)
      if (fresh.length < news.length) run.cut.add(chatId)
      // With `backward` the page goes on behind `from`, without it begins there (§3.2).
      const start = backward > 0 ? from + 1 : from
      const isFull = page.filter((message) => timeOf(order(message)) >= start).length >= size
      const reached = fresh.length === 0 ? after : order(fresh.at(-1) as WireMap)
      left -= fresh.length
      // Pages may be short in the middle: only nothing more, or the newest, is the end.
      const isEnd = !isFull && (fresh.length === 0 || (last !== undefined && reached >= last))
      const isDone = isEnd || left <= 0
      for (const message of page) shown.add(order(message))
      if (backward > 0) for (const id of this.#knownSince(chatId, before, after)) suspects.add(id)
      for (const { messageId } of known.held(chatId)) if (messageId) suspects.add(messageId)
      const deleted = isDone ? await this.#deleted(run, chatId, suspects.difference(shown)) : []
      if (this.#run !== run) return
      store.transaction(() => {
        this.#tellEdits(run, chatId, before)
        this.#tellMessages(run, chatId, fresh, after, isEnd ? undefined : reached)
        if (!isDone) return
        this.#chatDone(run, chatId, !isEnd)
        this.#tellDeletions(run, chatId, deleted)
      })
      if (isDone) return
      // The next page begins with the last message of this one: others may share its millisecond.
      size = timeOf(reached) > from ? PAGE : size + PAGE
      from = Math.max(from, timeOf(reached))
      after = reached
    }
  }

  /** New messages by id, those that were pushed meanwhile in their places among them. */
  #tellMessages(run: Run, chatId: string, fresh: WireMap[], after: bigint, upTo?: bigint): void {
    const { known, events } = this.#deps
    run.counts.messages += fresh.length
    const read = new Set(fresh.map(order))
    const news = fresh.map((message) => ({
      id: order(message),
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

  #tell(chatId: string, message: WireMap): void {
    const payload = { chatId: narrow(BigInt(chatId)), message }
    this.#deps.events.push({ opcode: Opcode.NOTIF_MESSAGE, payload }, true)
  }

  #isOldEdit(chatId: string, payload: WireMap): boolean {
    const { id, status, updateTime } = asMap(payload.message)
    if (status !== 'EDITED') return false
    return (asNumber(updateTime) ?? 0) < this.#deps.known.lastEdit(chatId, asIdString(id) ?? '')
  }

  /** Edits of messages that were known before. */
  #tellEdits(run: Run, chatId: string, before: WireMap[]): void {
    for (const message of before) {
      const { status, updateTime } = message
      if (status !== 'EDITED' || (asNumber(updateTime) ?? 0) <= run.lostAt) continue
      run.counts.edits += 1
      this.#tell(chatId, message)
    }
  }

  /** One by one: a push that tells of one of them too is then the same event. */
  #tellDeletions(run: Run, chatId: string, deleted: bigint[]): void {
    run.counts.deletes += deleted.length
    for (const id of deleted) {
      const payload = { chatId: narrow(BigInt(chatId)), messageIds: [id] }
      this.#deps.events.push({ opcode: Opcode.NOTIF_MSG_DELETE, payload }, true)
    }
  }

  /** Messages in the log that should stand in a page that looks back. */
  #knownSince(chatId: string, before: WireMap[], after: bigint): bigint[] {
    const first = before.length < LOOK_BACK ? 0n : order(before[0] ?? {})
    return this.#deps.known
      .loggedMessages(chatId, LOOK_BACK)
      .filter((id) => id >= first && id <= after)
  }

  /**
   * Of messages that should stand in the history and do not, those that are gone. A page can be short
   * for other reasons (§3.2), so MAX is asked for them by id before anything is called deleted.
   */
  async #deleted(run: Run, chatId: string, missing: Set<bigint>): Promise<bigint[]> {
    if (missing.size === 0) return []
    const messageIds = [...missing].sort((a, b) => (a < b ? -1 : 1))
    const payload = { chatId: wireId(chatId), messageIds: messageIds.map(wireMessageId) }
    const reply = await this.#ask(run, Opcode.MSG_GET, payload)
    if (reply === undefined) return []
    const there = new Set(asMaps(reply.messages).map(order))
    return messageIds.filter((id) => !there.has(id))
  }

  #chatDone(run: Run, chatId: string, isCut: boolean): void {
    if (isCut) run.cut.add(chatId)
    this.#release(chatId)
    run.pending.delete(chatId)
    run.done.add(chatId)
  }

  #release(chatId: string): void {
    const { known, events, store } = this.#deps
    store.transaction(() => {
      for (const { opcode, payload, place } of known.held(chatId)) {
        if (!this.#isOldEdit(chatId, payload)) events.push({ opcode, payload })
        known.release(place)
      }
    })
  }

  #releaseAll(): void {
    for (const chatId of this.#deps.known.chatsHeld()) this.#release(chatId)
  }

  /**
   * Asks MAX at a gentle pace, again when it has trouble.
   * @returns `undefined` when MAX refuses
   * @throws {GatewayError} NOT_CONNECTED
   */
  async #ask(run: Run, opcode: Opcode, payload: WireMap): Promise<WireMap | undefined> {
    const { call, log } = this.#deps
    for (let attempt = 1; ; attempt += 1) {
      await this.#pause(PACE_MS)
      if (this.#run !== run) return undefined
      try {
        return await call(opcode, payload)
      } catch (error) {
        const { code, data } = error as GatewayError
        if (code === 'NOT_CONNECTED') throw error
        log('info', 'catching up was refused', { opcode, code, attempt })
        const mayPass =
          code === 'RATE_LIMITED' || code === 'MAX_UNAVAILABLE' || code === 'MAX_TIMEOUT'
        if (!mayPass || attempt >= TRIES) return undefined
        await this.#pause(Math.max(data.retryAfterMs ?? 0, RETRY_MS * attempt))
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.after(ms, resolve))
  }
}

const idOf = (message: WireMap): bigint | undefined => {
  const id = asIdString(message.id)
  return id === undefined ? undefined : BigInt(id)
}
const order = (message: WireMap): bigint => idOf(message) ?? 0n
/** `id >> 16` is a message's time, exactly (§1.1). */
const timeOf = (messageId: bigint): number => Number(messageId >> 16n)
