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
} from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import type { EventLog } from './event-log.ts'
import type { KnownMessages } from './known-messages.ts'
import { MissedMessages } from './missed-messages.ts'
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
  readonly #missed: MissedMessages
  /** A login is under way: what changed is not known yet, so pushes of all chats wait. */
  #isGreeting = false
  #run: Run | undefined
  /** MAX's clock minus ours. */
  #skewMs = 0

  constructor(deps: CatchUpDeps) {
    this.#deps = deps
    this.#missed = new MissedMessages(deps)
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
      // A lost connection takes it up again.
      if (code !== 'NOT_CONNECTED' && this.#run === run) this.#giveUp(run)
    })
  }

  /** The session went offline: what has happened since is what the next login catches up. */
  lost(): void {
    const { store, clock } = this.#deps
    const isCaughtUp = this.#run === undefined
    this.#run = undefined
    const state = store.get('catchUp')
    // What was not caught up yet happened in an earlier outage, whose beginning a crash leaves open.
    if (state === undefined || !isCaughtUp) return
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

  /** The fault is ours: pushes must not wait for a repair. What cannot be told now stays stored. */
  #giveUp(run: Run): void {
    for (const chatId of run.pending.keys()) run.cut.add(chatId)
    this.#run = undefined
    try {
      this.#releaseAll()
      this.#finish(run)
    } catch (error) {
      this.#deps.log('error', 'caught up pushes could not be stored', { error: String(error) })
    }
  }

  #chat(run: Run, chatId: string, last: bigint | undefined): Promise<void> {
    const { limits, clock } = this.#deps
    return this.#missed.read({
      chatId,
      last,
      oldest: clock.now() + this.#skewMs - limits.hours * HOUR,
      editedSince: run.lostAt,
      limit: limits.messages,
      ask: (opcode, payload) => this.#ask(run, opcode, payload),
      isCurrent: () => this.#run === run,
      counts: run.counts,
      onDone: (isCut) => {
        if (isCut) run.cut.add(chatId)
        run.pending.delete(chatId)
        run.done.add(chatId)
      },
    })
  }

  #releaseAll(): void {
    for (const chatId of this.#deps.known.chatsHeld()) this.#missed.release(chatId)
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
