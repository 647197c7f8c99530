import { errors, GatewayError, toErrorData } from '../schema/errors.ts'
import { narrow, timeOfMessage } from '../schema/ids.ts'
import { fromMaxError } from '../schema/max-errors.ts'
import type { SendState } from '../schema/sends-port.ts'
import type { OutgoingMessage, SendPatience, SentMessage } from '../schema/session-port.ts'
import { asIdString, asMap, type WireMap } from '../schema/wire.ts'
import { sendId } from './cid.ts'
import type { Clock, Log } from './clock.ts'
import type { Readiness } from './readiness.ts'
import { deadline, fromData, isNotReady, newRow, payloadOf } from './send-row.ts'
import type { SendRow, SendStore } from './send-store.ts'
import { payloadFromText } from './wire-text.ts'

/** How long a caller waits; the send itself goes on behind it. */
const CALLER_TIMEOUT_MS = 30_000
/** How long one attempt waits for its answer before the same `cid` goes out again. */
const ATTEMPT_TIMEOUT_MS = 10_000
const ATTEMPTS_PER_CONNECTION = 3
/** How long a message whose caller waits may lie here before it leaves. */
const QUEUE_MS = 10 * 60_000
/** Outcomes are written with the next send, at the latest after this long (see `#finish`). */
const OUTCOME_FLUSH_MS = 250
const MAX_OPEN = 5_000
/** How long the first attempt waits for MAX to say that it has processed the attachments. */
const READY_HOLD_MS = 3_000
/** Between attempts that MAX refuses because it has not; then the last one again and again. */
const NOT_READY_WAITS_MS = [500, 1_000, 1_000, 2_000, 3_000, 5_000]
/** So many at once: what piled up while the session was away must not leave as one burst. */
const MAX_IN_FLIGHT = 16

export interface OutgoingDeps {
  store: SendStore
  clock: Clock
  log: Log
  /** Sends MSG_SEND on the present connection; rejects like `MaxConnection.call`. */
  transmit(payload: WireMap, timeoutMs: number): Promise<WireMap>
  isOnline(): boolean
  /**
   * Called when a message had no answer several times: closes the connection if nothing at all came
   * in since then, and tells whether it did.
   */
  onSilence(since: number): boolean
  /** Called in the turn in which a message's new state is written down. */
  onStatus(row: SendRow): void
  readiness: Pick<Readiness, 'settled' | 'pushed'>
}

export interface SendOptions extends SendPatience {
  /** Known `cid`: what was sent under it before is not sent again. */
  cid?: number
  /** How long it may wait for the session before it is dropped. */
  queueMs?: number
}

/** A message that is written down, and what comes of it. */
export interface TakenMessage {
  id: string
  /** Rejects with OUTCOME_UNKNOWN after 30 s; the send goes on behind it. */
  outcome: Promise<SentMessage>
}

interface Open {
  row: SendRow
  payload: WireMap
  inFlight: boolean
  attempts: number
  /** Unix ms of the first attempt on the present connection. */
  firstAttemptAt: number
  settle: ((outcome: SentMessage | GatewayError) => void) | undefined
  /** Uploads it carries, by their names in `Readiness`. */
  awaits: readonly string[]
  /** How often MAX refused because it still processes them. */
  notReady: number
  /** Such a refusal of the last attempt: nothing was sent. */
  refusal: GatewayError | undefined
}

/**
 * Messages on their way to MAX: written down under their `cid` before they go out, repeated under the
 * same `cid` after a lost answer, a reconnect or a crash, so that exactly one message comes of each.
 * Rules SN1–SN12 in SPEC.md.
 */
export class Outgoing {
  readonly #deps: OutgoingDeps
  /** Everything without an outcome, by `cid`. */
  readonly #open = new Map<number, Open>()
  /** Those of them that wait for their turn, oldest first. */
  readonly #ready = new Set<Open>()
  #inFlight = 0
  #finished: SendRow[] = []
  #cancelFlush: (() => void) | undefined
  #lastCid: number

  constructor(deps: OutgoingDeps) {
    this.#deps = deps
    this.#lastCid = deps.store.lastCid()
    for (const row of deps.store.open()) this.#hold(row, payloadFromText(row.request))
  }

  /** Messages without an outcome. */
  get pending(): number {
    return this.#open.size
  }

  /** Whether another message may be taken. */
  get hasRoom(): boolean {
    return this.#open.size < MAX_OPEN
  }

  /** When the next message becomes too old to leave or to be repeated. */
  get expiresAt(): number | undefined {
    let earliest: number | undefined
    for (const { row, inFlight } of this.#open.values()) {
      const at = deadline(row)
      if (!inFlight && (earliest === undefined || at < earliest)) earliest = at
    }
    return earliest
  }

  /** A `cid` that no other message has. */
  newCid(): number {
    this.#lastCid = Math.max(this.#deps.clock.now(), this.#lastCid + 1)
    return this.#lastCid
  }

  /**
   * Writes a message down and sends it as soon as that is possible.
   * @throws {GatewayError} RATE_LIMITED when too many wait already; over a known `cid` IN_PROGRESS, or
   *   the outcome that is on record.
   */
  take(message: OutgoingMessage, options: SendOptions = {}): TakenMessage {
    const { store, clock, isOnline } = this.#deps
    // One turn of the object is one transaction: outcomes and the new message become durable together.
    this.flush()
    const { awaits = [], patienceMs = CALLER_TIMEOUT_MS } = options
    const known = options.cid === undefined ? undefined : store.find(options.cid)
    if (known) return { id: sendId(known.cid), outcome: this.#again(known, patienceMs) }
    if (!this.hasRoom) {
      throw new GatewayError('RATE_LIMITED', 'too many messages wait for MAX', {
        retryAfterMs: 5_000,
      })
    }
    const now = clock.now()
    const waits = awaits.length > 0
    const leaves = !waits && isOnline() && this.#inFlight < MAX_IN_FLIGHT
    const payload = payloadOf(message)
    const row: SendRow = {
      ...newRow(options.cid ?? this.newCid(), payload, now),
      state: waits ? 'processing' : leaves ? 'sending' : 'queued',
      expiresAt: now + (options.queueMs ?? QUEUE_MS),
      attemptedAt: leaves ? now : null,
    }
    store.insert(row)
    if (!leaves) this.#deps.onStatus(row)
    const open = this.#hold(row, payload)
    const outcome = this.#wait(open, patienceMs)
    if (waits) {
      open.awaits = awaits
      this.#sendWhenReady(open, READY_HOLD_MS)
    }
    this.#pump()
    return { id: sendId(row.cid), outcome }
  }

  /** Sends a message that was written down before and may go out from now on. */
  release(row: SendRow): void {
    const queued: SendRow = { ...row, state: 'queued', updatedAt: this.#deps.clock.now() }
    this.#record(queued)
    this.#hold(queued, payloadFromText(row.request))
    this.#pump()
  }

  /** Sends everything that has no answer, oldest first, under the `cid` it had. */
  resume(): void {
    this.expire()
    for (const open of this.#open.values()) {
      open.attempts = 0
      if (!open.inFlight) this.#ready.add(open)
    }
    this.#pump()
  }

  /** Gives up on what is too old to leave, or to be repeated safely. */
  expire(): void {
    const now = this.#deps.clock.now()
    for (const open of this.#open.values()) {
      if (open.inFlight || deadline(open.row) > now) continue
      if (open.refusal) this.#finish(open, 'failed', open.refusal)
      else if (open.row.attemptedAt === null) {
        this.#finish(open, 'failed', new GatewayError('EXPIRED'))
      } else this.#finish(open, 'unknown', new GatewayError('OUTCOME_UNKNOWN'))
    }
  }

  /** The account is given up: nothing of it may leave under another one. */
  abandon(): void {
    const why = 'the account was logged out'
    for (const open of this.#open.values()) {
      if (open.row.attemptedAt === null) {
        this.#finish(open, 'failed', new GatewayError('LOGIN_REQUIRED', why))
      } else this.#finish(open, 'unknown', new GatewayError('OUTCOME_UNKNOWN', why))
    }
    this.flush()
  }

  /** Writes known outcomes down. */
  flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const finished = this.#finished
    this.#finished = []
    for (const row of finished) this.#record(row)
  }

  /** A message that is on record already. */
  async #again(known: SendRow, patienceMs: number): Promise<SentMessage> {
    const { cid, chatId, messageId, error } = known
    if (messageId !== null) {
      return {
        id: sendId(cid),
        messageId,
        chatId: narrow(BigInt(String(chatId))),
        message: {},
      }
    }
    if (error && !errors[error.code].retry) throw fromData(error)
    // A refusal for the moment: the same `cid` may try again.
    const open = error ? this.#reopen(known) : this.#open.get(cid)
    if (open === undefined) throw new GatewayError('OUTCOME_UNKNOWN')
    if (open.settle !== undefined)
      throw new GatewayError('IN_PROGRESS', undefined, { retryAfterMs: 1_000 })
    // Its first caller is gone, over a crash or a timeout: this one takes its place.
    const outcome = this.#wait(open, patienceMs)
    this.#pump()
    return outcome
  }

  #reopen(known: SendRow): Open {
    const now = this.#deps.clock.now()
    const row: SendRow = {
      ...known,
      state: 'queued',
      updatedAt: now,
      expiresAt: now + QUEUE_MS,
      attemptedAt: null,
      error: null,
    }
    this.#record(row)
    return this.#hold(row, payloadFromText(row.request))
  }

  #hold(row: SendRow, payload: WireMap): Open {
    const open: Open = {
      row,
      payload,
      inFlight: false,
      attempts: 0,
      firstAttemptAt: 0,
      settle: undefined,
      awaits: [],
      notReady: 0,
      refusal: undefined,
    }
    this.#open.set(row.cid, open)
    this.#ready.add(open)
    return open
  }

  #wait(open: Open, patienceMs: number): Promise<SentMessage> {
    return new Promise((resolve, reject) => {
      const stop = this.#deps.clock.after(patienceMs, () => {
        open.settle = undefined
        reject(new GatewayError('OUTCOME_UNKNOWN'))
      })
      open.settle = (outcome) => {
        open.settle = undefined
        stop()
        if (outcome instanceof GatewayError) reject(outcome)
        else resolve(outcome)
      }
    })
  }

  /** Sends whose turn it is. */
  #pump(): void {
    for (const open of this.#ready) {
      if (this.#inFlight >= MAX_IN_FLIGHT || !this.#deps.isOnline()) return
      this.#ready.delete(open)
      this.#transmit(open)
    }
  }

  #transmit(open: Open): void {
    const { transmit, clock, log } = this.#deps
    const now = clock.now()
    const { state, attemptedAt } = open.row
    if (state === 'queued' || attemptedAt === null) {
      open.row = { ...open.row, state: 'sending', updatedAt: now, attemptedAt: now }
      this.#record(open.row)
    }
    open.refusal = undefined
    open.inFlight = true
    this.#inFlight += 1
    if (open.attempts === 0) open.firstAttemptAt = now
    open.attempts += 1
    const message = { cid: open.row.cid, ...asMap(open.payload.message) }
    transmit({ ...open.payload, message }, ATTEMPT_TIMEOUT_MS)
      .then(
        (reply) => {
          this.#landed(open)
          if (this.#open.has(open.row.cid)) this.#sent(open, reply)
        },
        (error: unknown) => {
          this.#landed(open)
          // Abandoned meanwhile: its outcome is told already.
          if (this.#open.has(open.row.cid)) this.#refused(open, error)
        },
      )
      .then(() => this.#pump())
      .catch((error: unknown) => log('error', 'a send broke', { error: String(error) }))
  }

  #landed(open: Open): void {
    open.inFlight = false
    this.#inFlight -= 1
  }

  #refused(open: Open, error: unknown): void {
    const { log, isOnline } = this.#deps
    const failure =
      error instanceof GatewayError
        ? error
        : new GatewayError('INTERNAL_ERROR', undefined, { cause: error })
    if (isNotReady(failure)) return this.#stillProcessing(open, failure)
    if (failure.code !== 'NOT_CONNECTED' && failure.code !== 'MAX_TIMEOUT') {
      this.#finish(open, 'failed', failure)
      return
    }
    // The answer is lost, the message perhaps not: only the same `cid` is safe to send again.
    log('info', 'send without an answer', { cid: open.row.cid, attempts: open.attempts })
    if (isOnline()) this.#afterSilence(open)
  }

  /** MAX refused because an attachment is being processed: the same message may go again (§4.3). */
  #stillProcessing(open: Open, refusal: GatewayError): void {
    const waitMs = NOT_READY_WAITS_MS[open.notReady] ?? NOT_READY_WAITS_MS.at(-1) ?? 0
    open.notReady += 1
    open.refusal = refusal
    // A refusal is an answer: what counts silences begins anew.
    open.attempts = 0
    if (open.row.state !== 'processing') {
      open.row = { ...open.row, state: 'processing', updatedAt: this.#deps.clock.now() }
      this.#record(open.row)
    }
    this.#sendWhenReady(open, waitMs)
  }

  /** It goes out when MAX has processed its uploads, or after `waitMs`: MAX may never say so. */
  #sendWhenReady(open: Open, waitMs: number): void {
    this.#ready.delete(open)
    const { readiness, log } = this.#deps
    // What was called ready and is refused all the same gets better with time alone.
    const isTold = open.awaits.length > 0 && open.notReady < 2
    const waiting = isTold ? readiness.settled(open.awaits, waitMs) : readiness.pushed(waitMs)
    waiting
      .then((error) => {
        if (open.inFlight || !this.#open.has(open.row.cid)) return
        if (error !== undefined) {
          this.#finish(open, 'failed', fromMaxError({ code: error, message: error }))
          return
        }
        this.expire()
        if (!this.#open.has(open.row.cid)) return
        this.#ready.add(open)
        this.#pump()
      })
      .catch((error: unknown) => {
        log('error', 'a send broke', { error: String(error) })
      })
  }

  /** No answer on a connection that is still there: again, on a new one if this one is dead. */
  #afterSilence(open: Open): void {
    const { clock, onSilence } = this.#deps
    if (open.attempts >= ATTEMPTS_PER_CONNECTION) {
      // On a dead connection `resume` goes on with it; a living MAX that keeps silent will not answer.
      if (onSilence(open.firstAttemptAt)) return
      this.#finish(open, 'unknown', new GatewayError('OUTCOME_UNKNOWN'))
      return
    }
    clock.after(0, () => {
      if (open.inFlight || !this.#open.has(open.row.cid)) return
      this.#ready.add(open)
      this.#pump()
    })
  }

  #sent(open: Open, reply: WireMap): void {
    const message = asMap(reply.message)
    const messageId = asIdString(message.id) ?? asIdString(reply.messageId)
    const chatId = asIdString(reply.chatId) ?? open.row.chatId ?? undefined
    if (messageId === undefined || chatId === undefined) {
      this.#finish(open, 'unknown', new GatewayError('BAD_UPSTREAM', 'MAX sent no message id'))
      return
    }
    const id = sendId(open.row.cid)
    this.#finish(open, 'sent', { id, messageId, chatId: narrow(BigInt(chatId)), message })
  }

  /**
   * Settles a send. Its row is written a little later, together with others: if the object dies in
   * between, the send is repeated under its `cid` and MAX answers with the same message.
   */
  #finish(open: Open, state: SendState, outcome: SentMessage | GatewayError): void {
    this.#open.delete(open.row.cid)
    this.#ready.delete(open)
    const end = { ...open.row, state, updatedAt: this.#deps.clock.now() }
    this.#finished.push(
      outcome instanceof GatewayError
        ? { ...end, error: toErrorData(outcome) }
        : {
            ...end,
            chatId: String(outcome.chatId),
            messageId: outcome.messageId,
            messageTime: timeOfMessage(outcome.messageId),
          },
    )
    this.#cancelFlush ??= this.#deps.clock.after(OUTCOME_FLUSH_MS, () => this.flush())
    open.settle?.(outcome)
  }

  #record(row: SendRow): void {
    const { request: _request, createdAt: _createdAt, sendAt: _sendAt, ...change } = row
    this.#deps.store.update(change)
    this.#deps.onStatus(row)
  }
}
