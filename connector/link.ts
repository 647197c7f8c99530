import { GatewayError } from '../schema/errors.ts'
import { sessionConsequence } from '../schema/max-errors.ts'
import { Opcode } from '../schema/opcodes.ts'
import type { SessionState } from '../schema/session-port.ts'
import { type Frame, Limit, type WireMap } from '../schema/wire.ts'
import type { Account } from './account.ts'
import {
  countLogin,
  type Logins,
  loginAllowedAt,
  noLogins,
  reconnectDelay,
  resumeDelay,
  STABLE_AFTER_MS,
} from './backoff.ts'
import type { Breaker } from './breaker.ts'
import type { Clock, Log, Random } from './clock.ts'
import { MaxConnection } from './connection.ts'
import type { FrameCodec } from './frame.ts'
import { type HandshakeProfile, loginRequest, sessionInit } from './profile.ts'
import type { Dial } from './socket.ts'
import type { Store } from './store.ts'

/** How long a call waits for a session that is just coming back. */
const RESUME_WAIT_MS = 8_000

export const LOG_IN_AGAIN = 'Log in again: GET /session/qr or POST /session/auth/request'

const CONNECT_AGAIN = 'See the reason; then POST /session/connect'

export interface LinkDeps {
  store: Store
  account: Account
  clock: Clock
  random: Random
  breaker: Breaker
  log: Log
  profile: HandshakeProfile
  /** The way to MAX (or the sandbox), or to the host a RECONNECT named. */
  dial(redirectHost?: string): Dial
  codec: FrameCodec
  onPush(push: Frame, connection: MaxConnection): void
  onState(state: SessionState): void
  /** LOGIN goes out: from now on pushes of this account may come. */
  onLoggingIn(): void
  /** @param reply what LOGIN answered */
  onOnline(facts: { reconnect: boolean; reply: WireMap }): void
  /** An online session went offline without being asked to. */
  onLost(reason: string): void
  onRetry(attempt: number): void
  /** Tries without a success after which the session stops; 0 = never. */
  maxAttempts: number
  /** They are used up: the session is stopped. */
  onGaveUp(attempt: number, reason: string): void
  /** MAX does not want this session any more. `expired`: its token is dead. */
  onStopped(failure: GatewayError, expired: boolean): void
}

/**
 * Keeps one session connected: dials, greets, logs in, notices a loss, waits, tries again, and stops
 * when only a person can help (design D6, D8). The state of the session changes here and nowhere else.
 */
export class Link {
  readonly #deps: LinkDeps
  readonly #waiters = new Set<(error?: GatewayError) => void>()
  #state: SessionState = { name: 'logged_out' }
  #connection: MaxConnection | undefined
  /** Tries since the session was last stably online. */
  #attempt = 0
  #wasOnline = false
  #redirectHost: string | undefined
  #cancelRetry: () => void = () => {}

  constructor(deps: LinkDeps) {
    this.#deps = deps
  }

  get state(): SessionState {
    return this.#state
  }
  get isOnline(): boolean {
    return this.#state.name === 'online'
  }
  get connection(): MaxConnection | undefined {
    return this.#connection
  }

  /** Takes up what was going on before a restart, eviction or crash: they are all the same. */
  start(): void {
    const { store, account, random, clock } = this.#deps
    const stopped = store.get('stopped')
    if (stopped) this.to({ name: 'stopped', ...stopped })
    else if (!account.exists) this.to({ name: 'logged_out' })
    else if (store.get('wanted') !== 'online') this.to({ name: 'offline' })
    else this.#retryAt(clock.now() + resumeDelay(random), 'the gateway was restarted')
  }

  /** What time makes due: a keepalive or the next try. */
  tick(): void {
    const { clock, profile } = this.#deps
    if (this.isOnline) this.#connection?.heartbeat(profile.interactive)
    if (this.#state.name === 'waiting' && this.#state.retryAt <= clock.now()) this.#tryAgain()
  }

  /**
   * Begins to connect with the stored token, unless that is going on or done. A person's wish shortens
   * a backoff of ours, never a wait that MAX imposes.
   */
  connect(): void {
    this.#deps.store.delete('stopped')
    if (this.isOnline || this.#state.name === 'connecting') return
    if (this.#state.name === 'stopped') this.#attempt = 0
    const allowedAt = loginAllowedAt(this.#logins)
    if (allowedAt <= this.#deps.clock.now()) this.#tryAgain()
    else this.#retryAt(allowedAt, 'MAX allows the next login later')
  }

  /** Closes the connection on purpose; nothing is retried until somebody asks. */
  hangUp(reason: string): void {
    this.#cancelRetry()
    const connection = this.#connection
    // Cleared first: a connection that is no longer ours reports to nobody.
    this.#connection = undefined
    connection?.close(reason)
  }

  /** The state in which nothing is going on. */
  rest(): void {
    this.to({ name: this.#deps.account.exists ? 'offline' : 'logged_out' })
  }

  to(state: SessionState): void {
    if (state.name !== this.#state.name) {
      this.#deps.log('info', 'session state', { from: this.#state.name, to: state.name })
    }
    this.#state = state
    this.#deps.onState(state)
  }

  /** A greeted connection, which becomes the session's own; the one before is closed. */
  async dial(): Promise<MaxConnection> {
    this.hangUp('replaced')
    const { clock, log, codec, profile, account } = this.#deps
    // For one dial only: a host that is down must not strand the session.
    const redirectHost = this.#redirectHost
    this.#redirectHost = undefined
    const connection: MaxConnection = new MaxConnection({
      dial: this.#deps.dial(redirectHost),
      codec,
      clock,
      log,
      onPush: (push) => {
        if (connection === this.#connection) this.#deps.onPush(push, connection)
      },
      onClosed: (reason) => {
        if (connection === this.#connection) this.#lost(reason)
      },
    })
    this.#connection = connection
    this.to({ name: 'connecting', attempt: this.#attempt })
    try {
      await connection.open(sessionInit(profile, account.deviceId))
    } catch (error) {
      if (connection === this.#connection) {
        this.#connection = undefined
        this.rest()
      }
      throw error
    }
    this.requireOwn(connection)
    return connection
  }

  /**
   * LOGIN on a greeted connection; afterwards the session is online.
   * @param asked a person asked for this login; otherwise it counts against the spacing
   * @returns the token that is valid from now on
   */
  async logIn(connection: MaxConnection, token: string, asked: boolean): Promise<string> {
    const { store, profile, clock, account } = this.#deps
    const now = clock.now()
    // Written before LOGIN leaves: a crash loop must not become a login storm.
    store.set('logins', asked ? { ...noLogins, last: now } : countLogin(this.#logins, now))
    this.#deps.onLoggingIn()
    const request = loginRequest(profile, token, account.markers, Limit.chatsCount)
    const reply = await connection.call(Opcode.LOGIN, request)
    this.requireOwn(connection)
    const current = await account.keepLogin(reply, token, () => this.requireOwn(connection))
    store.delete('stopped')
    this.#deps.breaker.succeeded()
    this.to({ name: 'online', since: clock.now() })
    this.#deps.onOnline({ reconnect: this.#wasOnline, reply })
    this.#wasOnline = true
    for (const wake of this.#waiters) wake()
    return current
  }

  /** Asks MAX on the online connection. */
  async call(opcode: Opcode, payload: WireMap, timeoutMs?: number): Promise<WireMap> {
    const connection = this.#connection
    if (connection === undefined || !this.isOnline) throw this.#offlineError()
    try {
      return await connection.call(opcode, payload, timeoutMs)
    } catch (error) {
      const refusal = error instanceof GatewayError ? error.data.maxError : undefined
      // MAX lost our login on a living connection: only a new one helps (wire-and-auth.md §11.1).
      if (refusal && sessionConsequence(refusal) === 'relogin') connection.close('session lost')
      throw error
    }
  }

  /** Closes a connection on which nothing at all came in since then: it is dead (SS16). */
  closeIfSilent(since: number): boolean {
    const connection = this.#connection
    if (connection === undefined || connection.lastInboundAt > since) return false
    connection.close('no answers')
    return true
  }

  /** MAX orders a new dial, possibly elsewhere (§7). */
  redirect(host: string | undefined): void {
    this.#redirectHost = host
    this.#connection?.close('MAX asked to reconnect')
  }

  /** Ends a session that MAX does not want any more (design D8). */
  stop(failure: GatewayError): void {
    const { store, account } = this.#deps
    this.hangUp('stopped')
    const expired = failure.code === 'LOGIN_REQUIRED'
    if (expired) account.dropToken()
    const action = expired ? LOG_IN_AGAIN : CONNECT_AGAIN
    const stopped = { reason: failure.message, action }
    store.set('stopped', stopped)
    this.to({ name: 'stopped', ...stopped })
    this.#deps.onStopped(failure, expired)
    for (const wake of this.#waiters) wake(failure)
  }

  /**
   * Waits for a session that is coming back by itself; anything else is refused at once.
   * @throws {GatewayError} NOT_CONNECTED with the state and what to do about it.
   */
  async requireOnline(): Promise<void> {
    if (this.isOnline) return
    const state = this.#state
    const soon =
      state.name === 'connecting' ||
      (state.name === 'waiting' && state.retryAt - this.#deps.clock.now() < RESUME_WAIT_MS)
    if (soon) await this.untilOnline(RESUME_WAIT_MS)
    if (!this.isOnline) throw this.#offlineError()
  }

  /**
   * Lets pass what can wait for a session that is coming back by itself, however long that takes.
   * @throws {GatewayError} NOT_CONNECTED when only a person can bring it back.
   */
  requireWanted(): void {
    const { store, account } = this.#deps
    const comes = account.exists && store.get('wanted') === 'online'
    if (!comes || this.#state.name === 'stopped') throw this.#offlineError()
  }

  /** Resolves when the session is online or the time is up; rejects when it is stopped. */
  untilOnline(waitMs: number): Promise<void> {
    if (this.isOnline) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const finish = (error?: GatewayError): void => {
        this.#waiters.delete(finish)
        stop()
        if (error) reject(error)
        else resolve()
      }
      const stop = this.#deps.clock.after(waitMs, () => finish())
      this.#waiters.add(finish)
    })
  }

  /** Dials and logs in with the stored token; a failure leads to the next wait or to a stop. */
  #tryAgain(): void {
    this.#cancelRetry()
    this.#attempt += 1
    this.#deps.onRetry(this.#attempt)
    let own: MaxConnection | undefined
    const run = async (): Promise<void> => {
      own = await this.dial()
      await this.logIn(own, await this.#deps.account.token(), false)
    }
    run().catch((error: unknown) => {
      const code = error instanceof GatewayError ? error.code : String(error)
      this.#deps.log('warn', 'connecting failed', { error: code, attempt: this.#attempt })
      // Somebody else's connection is none of this try's business.
      if (this.#connection !== undefined && this.#connection !== own) return
      this.recover(error)
    })
  }

  /** After a failed login: a later try, the end when MAX refused for good, or rest if unwanted. */
  recover(error: unknown): void {
    this.hangUp('connecting failed')
    const { store, account, breaker, clock, random } = this.#deps
    if (store.get('wanted') !== 'online' || !account.exists) {
      this.rest()
      return
    }
    const failure = error instanceof GatewayError ? error : undefined
    const refusal = failure?.data.maxError
    const final = refusal && sessionConsequence(refusal) === 'stop'
    // A flood of logins is over some time; nothing a person could do shortens it.
    if (failure && final && failure.code !== 'RATE_LIMITED') {
      this.stop(failure)
      return
    }
    breaker.failed()
    const { maxAttempts } = this.#deps
    if (maxAttempts > 0 && this.#attempt >= maxAttempts) {
      this.#giveUp(failure)
      return
    }
    const now = clock.now()
    const pauseMs = failure?.data.retryAfterMs ?? 0
    // Kept, so that neither a restart nor an impatient caller shortens it.
    if (pauseMs > 0) store.set('logins', { ...this.#logins, notBefore: now + pauseMs })
    const delay = Math.max(reconnectDelay(this.#attempt, random), breaker.leastDelay(random))
    this.#retryAt(now + delay, failure?.message ?? 'the connection failed')
  }

  /** The tries that the operator allows are used up; the account is still good. */
  #giveUp(failure: GatewayError | undefined): void {
    const attempt = this.#attempt
    const reason = failure?.message ?? 'the connection failed'
    const stopped = { reason: `gave up after ${attempt} tries: ${reason}`, action: CONNECT_AGAIN }
    this.#deps.store.set('stopped', stopped)
    // Before the state changes: what it says of the outage is over then.
    this.#deps.onGaveUp(attempt, reason)
    this.to({ name: 'stopped', ...stopped })
    for (const wake of this.#waiters) wake(new GatewayError('NOT_CONNECTED', stopped.reason))
  }

  /** The connection is gone without our doing. */
  #lost(reason: string): void {
    const { clock } = this.#deps
    const state = this.#state
    this.#connection = undefined
    this.#deps.log('info', 'connection lost', { reason, state: state.name })
    // While dialing or logging in, the pending call fails and decides.
    if (state.name === 'connecting') return
    if (state.name !== 'online') {
      this.rest()
      return
    }
    const { random } = this.#deps
    if (clock.now() - state.since >= STABLE_AFTER_MS) this.#attempt = 0
    this.#deps.onLost(reason)
    const delay = reconnectDelay(this.#attempt + 1, random)
    this.#retryAt(clock.now() + delay, `connection lost: ${reason}`)
  }

  get #logins(): Logins {
    return this.#deps.store.get('logins') ?? noLogins
  }

  /** Waits for the next try: not before `earliest`, and not before MAX allows a LOGIN. */
  #retryAt(earliest: number, reason: string): void {
    const { clock } = this.#deps
    const retryAt = Math.max(earliest, loginAllowedAt(this.#logins))
    this.to({ name: 'waiting', retryAt, attempt: this.#attempt, reason })
    // The alarm covers a wait that outlives the object; a timer is exact while it lives.
    this.#cancelRetry()
    this.#cancelRetry = clock.after(Math.max(0, retryAt - clock.now()), () => {
      if (this.#state.name === 'waiting') this.#tryAgain()
    })
  }

  /** Throws when the connection is closed or no longer the session's own. */
  requireOwn(connection: MaxConnection): void {
    if (connection === this.#connection && connection.isOpen) return
    throw new GatewayError('NOT_CONNECTED', 'the connection was lost or taken over')
  }

  #offlineError(): GatewayError {
    const state = this.#state
    const retryAfterMs =
      state.name === 'waiting' ? Math.max(1_000, state.retryAt - this.#deps.clock.now()) : undefined
    return new GatewayError('NOT_CONNECTED', `not connected (${state.name})`, {
      details: {
        state: state.name,
        ...('reason' in state ? { reason: state.reason } : {}),
        ...('action' in state ? { action: state.action } : {}),
      },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
}
