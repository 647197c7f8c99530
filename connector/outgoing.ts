import { type ErrorData, errors, GatewayError, toErrorData } from '../schema/errors.ts'
import { narrow } from '../schema/ids.ts'
import type { OutgoingMessage, SentMessage } from '../schema/session-port.ts'
import { asIdString, asMap, type Int64, type WireMap, wireId } from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import type { SendRow, SendState, Store } from './store.ts'
import { payloadFromText, payloadToText } from './wire-text.ts'

/** How long a caller waits; the send itself goes on behind it. */
const CALLER_TIMEOUT_MS = 30_000
/** How long one attempt waits for its answer before the same `cid` goes out again. */
const ATTEMPT_TIMEOUT_MS = 10_000
const ATTEMPTS_PER_CONNECTION = 3
/**
 * How old a send may be and still be repeated. MAX deduplicates by `cid`, but for how long is not
 * known (operations-and-events.md §10.1); later a repeat could become a second message.
 */
const REPEAT_WINDOW_MS = 10 * 60_000
/** Outcomes are written with the next send, at the latest after this long (see `#finish`). */
const OUTCOME_FLUSH_MS = 250
const MAX_OPEN = 5_000

export interface OutgoingDeps {
  store: Store
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
}

interface Open {
  cid: number
  createdAt: number
  payload: WireMap
  inFlight: boolean
  attempts: number
  /** Unix ms of the first attempt on the present connection. */
  firstAttemptAt: number
  settle: ((outcome: SentMessage | GatewayError) => void) | undefined
}

type Finished = Pick<SendRow, 'cid' | 'state' | 'chatId' | 'messageId' | 'error'>

/**
 * Messages on their way to MAX: written down under their `cid` before they go out, repeated under the
 * same `cid` after a lost answer, a reconnect or a crash, so that exactly one message comes of each.
 * Rules SN1–SN7 in SPEC.md.
 */
export class Outgoing {
  readonly #deps: OutgoingDeps
  readonly #open = new Map<number, Open>()
  #finished: Finished[] = []
  #cancelFlush: (() => void) | undefined
  #lastCid: number

  constructor(deps: OutgoingDeps) {
    this.#deps = deps
    this.#lastCid = deps.store.lastCid()
    for (const row of deps.store.openSends()) {
      this.#open.set(row.cid, {
        cid: row.cid,
        createdAt: row.createdAt,
        payload: payloadFromText(row.request),
        inFlight: false,
        attempts: 0,
        firstAttemptAt: 0,
        settle: undefined,
      })
    }
  }

  /** Messages without an outcome. */
  get pending(): number {
    return this.#open.size
  }

  /**
   * @param key the caller's Idempotency-Key: the same key with the same message gives the same answer
   * @throws {GatewayError} MAX's refusal; OUTCOME_UNKNOWN when no answer came in time;
   *   IDEMPOTENCY_MISMATCH or IN_PROGRESS over the key.
   */
  async send(message: OutgoingMessage, key?: string): Promise<SentMessage> {
    const { store, clock, isOnline } = this.#deps
    const { chatId, notify } = message
    const payload = { chatId: wireId(chatId), message: message.message, notify }
    const request = payloadToText(payload)
    if (key !== undefined) {
      this.flush()
      const known = store.sendByKey(key)
      if (known) return this.#replay(known, request)
    }
    if (this.#open.size >= MAX_OPEN) {
      throw new GatewayError('RATE_LIMITED', 'too many messages wait for MAX', {
        retryAfterMs: 5_000,
      })
    }
    const now = clock.now()
    const cid = Math.max(now, this.#lastCid + 1)
    this.#lastCid = cid
    // One turn of the object is one transaction: outcomes and the new message become durable together.
    this.flush()
    store.insertSend({
      cid,
      state: isOnline() ? 'sending' : 'queued',
      createdAt: now,
      request,
      idempotencyKey: key ?? null,
    })
    const open: Open = {
      cid,
      createdAt: now,
      payload,
      inFlight: false,
      attempts: 0,
      firstAttemptAt: 0,
      settle: undefined,
    }
    this.#open.set(cid, open)
    const outcome = this.#wait(open)
    // Otherwise `resume` sends it when the session is back.
    if (isOnline()) this.#transmit(open)
    return outcome
  }

  /** Sends everything that has no answer, oldest first, under the `cid` it had. */
  resume(): void {
    this.expire()
    for (const open of [...this.#open.values()].sort((a, b) => a.cid - b.cid)) {
      open.attempts = 0
      if (!open.inFlight) this.#transmit(open)
    }
  }

  /** Gives up on what is too old to be repeated safely. */
  expire(): void {
    const oldest = this.#deps.clock.now() - REPEAT_WINDOW_MS
    for (const open of this.#open.values()) {
      if (open.createdAt >= oldest || open.inFlight) continue
      this.#finish(open, 'unknown', new GatewayError('OUTCOME_UNKNOWN'))
    }
  }

  /** The account is given up: nothing of it may leave under another one. */
  abandon(): void {
    for (const open of this.#open.values()) {
      this.#finish(
        open,
        'unknown',
        new GatewayError('OUTCOME_UNKNOWN', 'the account was logged out'),
      )
    }
    this.flush()
  }

  /** Writes known outcomes down. */
  flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const finished = this.#finished
    this.#finished = []
    for (const send of finished) this.#deps.store.updateSend(send)
  }

  async #replay(known: SendRow, request: string): Promise<SentMessage> {
    if (known.request !== request) throw new GatewayError('IDEMPOTENCY_MISMATCH')
    if (known.state === 'sent') {
      return {
        messageId: String(known.messageId),
        chatId: narrow(BigInt(String(known.chatId))),
        message: {},
      }
    }
    if (known.error && !errors[known.error.code].retry) throw fromData(known.error)
    // A refusal for the moment: the same `cid` may try again.
    const open = known.error ? this.#reopen(known) : this.#open.get(known.cid)
    if (open === undefined) throw new GatewayError('OUTCOME_UNKNOWN')
    if (open.settle !== undefined)
      throw new GatewayError('IN_PROGRESS', undefined, { retryAfterMs: 1_000 })
    // Its first caller is gone, over a crash or a timeout: this one takes its place.
    const outcome = this.#wait(open)
    if (!open.inFlight && this.#deps.isOnline()) this.#transmit(open)
    return outcome
  }

  #reopen({ cid, request }: SendRow): Open {
    const { store, clock } = this.#deps
    const open: Open = {
      cid,
      createdAt: clock.now(),
      payload: payloadFromText(request),
      inFlight: false,
      attempts: 0,
      firstAttemptAt: 0,
      settle: undefined,
    }
    store.updateSend({ cid, state: 'sending', chatId: null, messageId: null, error: null })
    this.#open.set(cid, open)
    return open
  }

  #wait(open: Open): Promise<SentMessage> {
    return new Promise((resolve, reject) => {
      const stop = this.#deps.clock.after(CALLER_TIMEOUT_MS, () => {
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

  #transmit(open: Open): void {
    const { transmit, clock, log } = this.#deps
    open.inFlight = true
    if (open.attempts === 0) open.firstAttemptAt = clock.now()
    open.attempts += 1
    const message = { cid: open.cid, ...asMap(open.payload.message) }
    transmit({ ...open.payload, message }, ATTEMPT_TIMEOUT_MS).then(
      (reply) => {
        open.inFlight = false
        if (this.#open.has(open.cid)) this.#sent(open, reply)
      },
      (error: unknown) => {
        open.inFlight = false
        const failure =
          error instanceof GatewayError
            ? error
            : new GatewayError('INTERNAL_ERROR', undefined, { cause: error })
        // Abandoned meanwhile: its outcome is told already.
        if (!this.#open.has(open.cid)) return
        if (failure.code !== 'NOT_CONNECTED' && failure.code !== 'MAX_TIMEOUT') {
          this.#finish(open, 'failed', failure)
          return
        }
        // The answer is lost, the message perhaps not: only the same `cid` is safe to send again.
        log('info', 'send without an answer', { cid: open.cid, attempts: open.attempts })
        if (this.#deps.isOnline()) this.#afterSilence(open)
      },
    )
  }

  /** No answer on a connection that is still there: again, on a new one if this one is dead. */
  #afterSilence(open: Open): void {
    const { clock, isOnline, onSilence } = this.#deps
    if (open.attempts >= ATTEMPTS_PER_CONNECTION) {
      // On a dead connection `resume` goes on with it; a living MAX that keeps silent will not answer.
      if (onSilence(open.firstAttemptAt)) return
      this.#finish(open, 'unknown', new GatewayError('OUTCOME_UNKNOWN'))
      return
    }
    clock.after(0, () => {
      if (!open.inFlight && this.#open.has(open.cid) && isOnline()) this.#transmit(open)
    })
  }

  #sent(open: Open, reply: WireMap): void {
    const message = asMap(reply.message)
    const messageId = asIdString(message.id) ?? asIdString(reply.messageId)
    if (messageId === undefined) {
      this.#finish(open, 'unknown', new GatewayError('BAD_UPSTREAM', 'MAX sent no message id'))
      return
    }
    const chatId = asIdString(reply.chatId) ?? String((open.payload.chatId as Int64).value)
    this.#finish(open, 'sent', { messageId, chatId: narrow(BigInt(chatId)), message })
  }

  /**
   * Settles a send. Its row is written a little later, together with others: if the object dies in
   * between, the send is repeated under its `cid` and MAX answers with the same message.
   */
  #finish(open: Open, state: SendState, outcome: SentMessage | GatewayError): void {
    this.#open.delete(open.cid)
    this.#finished.push(
      outcome instanceof GatewayError
        ? { cid: open.cid, state, chatId: null, messageId: null, error: toErrorData(outcome) }
        : {
            cid: open.cid,
            state,
            chatId: String(outcome.chatId),
            messageId: outcome.messageId,
            error: null,
          },
    )
    this.#cancelFlush ??= this.#deps.clock.after(OUTCOME_FLUSH_MS, () => this.flush())
    open.settle?.(outcome)
  }
}

const fromData = ({ code, message, ...rest }: ErrorData): GatewayError =>
  new GatewayError(code, message, rest)
