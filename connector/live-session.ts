import { GatewayError } from '../schema/errors.ts'
import { type EventName, wantsEvent } from '../schema/events.ts'
import { parseMaxError, sessionConsequence } from '../schema/max-errors.ts'
import { Opcode } from '../schema/opcodes.ts'
import type {
  LoginStep,
  OutgoingMessage,
  QrLogin,
  SentMessage,
  SessionPort,
  SessionState,
  SessionStatus,
  TenantConfig,
} from '../schema/session-port.ts'
import {
  asIdString,
  asMap,
  asMaps,
  asNumber,
  asString,
  type Frame,
  isWireMap,
  Limit,
  type WireMap,
  wireId,
  wireMessageId,
} from '../schema/wire.ts'
import { nextAlarm } from './alarm.ts'
import { reconnectDelay, resumeDelay, STABLE_AFTER_MS } from './backoff.ts'
import type { Clock, Log, Random } from './clock.ts'
import { MaxConnection } from './connection.ts'
import { Delivery, type Destination } from './delivery.ts'
import { EventLog } from './event-log.ts'
import type { FrameCodec } from './frame.ts'
import { LoginDialogue } from './login.ts'
import { Outgoing } from './outgoing.ts'
import { type HandshakeProfile, loginRequest, sessionInit } from './profile.ts'
import type { Dial } from './socket.ts'
import type { Store } from './store.ts'
import type { Vault } from './vault.ts'

/** How long a call waits for a session that is just coming back. */
const RESUME_WAIT_MS = 8_000
const RETENTION_MS = 7 * 86_400_000
const PRUNE_EVERY_MS = 3_600_000
const SENDS_RETENTION_MS = 86_400_000

export interface LiveSessionDeps {
  store: Store
  vault: Vault
  clock: Clock
  random: Random
  log: Log
  profile: HandshakeProfile
  /** The way to MAX (or the sandbox), or to the host a RECONNECT named. */
  dial(redirectHost?: string): Dial
  codec: FrameCodec
  destinations(config: TenantConfig): Destination[]
  /** Asks for a wake-up; `undefined` = none is needed. */
  setAlarm(at: number | undefined): void
}

/**
 * One tenant's session: the state machine around the connection (design D6), everything an operation
 * can ask for, and what happens to pushes. Runs on any host; `Session` gives it Cloudflare's.
 * Rules SS1–SS12 in SPEC.md.
 */
export class LiveSession implements SessionPort {
  readonly #deps: LiveSessionDeps
  readonly #events: EventLog
  readonly #delivery: Delivery
  readonly #outgoing: Outgoing
  #state: SessionState = { name: 'logged_out' }
  #connection: MaxConnection | undefined
  #dialogue: LoginDialogue | undefined
  /** Connections in a row that failed or did not last. */
  #attempt = 0
  #wasOnline = false
  #redirectHost: string | undefined
  #cancelRetry: () => void = () => {}
  #lastPrune = 0
  #onlineWaiters = new Set<(error?: GatewayError) => void>()

  constructor(deps: LiveSessionDeps) {
    this.#deps = deps
    const { store, clock, random, log } = deps
    this.#delivery = new Delivery({
      store,
      clock,
      random,
      log,
      onGone: (id, reason) => {
        store.set('disabled', { ...store.get('disabled'), [id]: reason })
        this.#refreshDestinations()
      },
    })
    this.#events = new EventLog({ store, clock, onAppended: () => this.#delivery.kick() })
    this.#outgoing = new Outgoing({
      store,
      clock,
      log,
      isOnline: () => this.#state.name === 'online',
      transmit: (payload, timeoutMs) => this.#call(Opcode.MSG_SEND, payload, timeoutMs),
    })
  }

  /** Takes up what was going on before a restart, eviction or crash: they are all the same. */
  start(): void {
    const { store, random, clock } = this.#deps
    this.#refreshDestinations()
    const stopped = store.get('stopped')
    if (stopped) this.#to({ name: 'stopped', ...stopped })
    else if (store.get('token') === undefined) this.#to({ name: 'logged_out' })
    else if (store.get('wanted') === 'online') {
      this.#waitAndRetry(clock.now() + resumeDelay(random), 'the gateway was restarted')
    } else this.#to({ name: 'offline' })
  }

  /** The alarm: everything that time makes due. */
  tick(): void {
    const now = this.#deps.clock.now()
    if (this.#state.name === 'online') this.#connection?.heartbeat(this.#deps.profile.interactive)
    if (this.#state.name === 'waiting' && this.#state.retryAt <= now) this.#reconnect()
    this.#delivery.kick()
    if (now - this.#lastPrune >= PRUNE_EVERY_MS) {
      this.#lastPrune = now
      this.#deps.store.pruneEvents(now - RETENTION_MS)
      this.#deps.store.pruneSends(now - SENDS_RETENTION_MS)
    }
    this.#arm()
  }

  configure(config: TenantConfig): void {
    const { store } = this.#deps
    if (store.get('deviceId') === undefined) store.set('deviceId', crypto.randomUUID())
    const before = store.get('config')
    store.set('config', config)
    if (before?.webhook !== config.webhook) {
      const { webhook: _webhook, ...disabled } = store.get('disabled') ?? {}
      store.set('disabled', disabled)
    }
    this.#refreshDestinations()
    this.#arm()
  }

  /** Ends everything for good: the account is logged out as far as MAX can be reached. */
  async destroy(): Promise<void> {
    if (this.#state.name === 'online') await this.#sayLogout()
    this.#hangUp('destroyed')
    this.#delivery.stop()
  }

  /**
   * Waits for a session that is coming back by itself; anything else is refused at once.
   * @throws {GatewayError} NOT_CONNECTED with the state and what to do about it.
   */
  async requireOnline(): Promise<void> {
    if (this.#state.name === 'online') return
    const soon =
      this.#state.name === 'connecting' ||
      (this.#state.name === 'waiting' &&
        this.#state.retryAt - this.#deps.clock.now() < RESUME_WAIT_MS)
    if (soon) await this.#untilOnline(RESUME_WAIT_MS)
    if ((this.#state as SessionState).name !== 'online') throw this.#offlineError()
  }

  // --- SessionPort -------------------------------------------------------------------------------

  get userId(): number {
    return this.#deps.store.get('userId') ?? 0
  }

  now(): number {
    return this.#deps.clock.now()
  }

  call(opcode: Opcode, payload: WireMap): Promise<WireMap> {
    return this.#call(opcode, payload)
  }

  send(message: OutgoingMessage, idempotencyKey?: string): Promise<SentMessage> {
    return this.#outgoing.send(message, idempotencyKey)
  }

  contacts(): WireMap[] {
    return this.#deps.store.contacts()
  }

  events(): string[] {
    return this.#deps.store.get('config')?.events ?? []
  }

  setEvents(names: string[]): void {
    const config = this.#deps.store.get('config')
    if (config) this.configure({ ...config, events: names })
  }

  status(): SessionStatus {
    const { store } = this.#deps
    const state = this.#state
    const online = state.name === 'online'
    const authenticated = store.get('token') !== undefined
    const lastInboundAt = this.#connection?.lastInboundAt ?? 0
    const pingMs = this.#connection?.pingMs
    return {
      connected: online,
      authenticated,
      loggedIn: online && authenticated,
      maxUserID: this.userId,
      state: state.name,
      wanted: store.get('wanted') ?? 'offline',
      ...(state.name === 'waiting' ? { reason: state.reason, retryAt: iso(state.retryAt) } : {}),
      ...(state.name === 'stopped' ? { reason: state.reason, action: state.action } : {}),
      ...(online ? { onlineSince: iso(state.since) } : {}),
      ...(lastInboundAt > 0 ? { lastInboundAt: iso(lastInboundAt) } : {}),
      ...(pingMs === undefined ? {} : { pingMs }),
      pendingSends: this.#outgoing.pending,
      delivery: { ...this.#delivery.summary(), ...disabledFact(store.get('disabled')) },
    }
  }

  async connect(waitMs: number): Promise<void> {
    const { store } = this.#deps
    if (store.get('token') === undefined) throw new GatewayError('LOGIN_REQUIRED')
    store.set('wanted', 'online')
    store.delete('stopped')
    if (this.#state.name !== 'online' && this.#state.name !== 'connecting') {
      this.#attempt = 0
      this.#reconnect()
    }
    if (waitMs > 0) await this.#untilOnline(waitMs)
  }

  async disconnect(): Promise<void> {
    const { store } = this.#deps
    const wasOnline = this.#state.name === 'online'
    store.set('wanted', 'offline')
    this.#hangUp('disconnected')
    this.#to({ name: store.get('token') === undefined ? 'logged_out' : 'offline' })
    if (wasOnline) this.#events.own('Disconnected', { reason: 'requested' })
  }

  async logout(): Promise<void> {
    if (this.#state.name === 'online') await this.#sayLogout()
    this.#hangUp('logged out')
    this.#forgetAccount()
    this.#to({ name: 'logged_out' })
    this.#events.own('LoggedOut', { reason: 'requested' })
  }

  async requestCode(phone: string, language: string): Promise<LoginStep> {
    return (await this.#openDialogue()).requestCode(phone, language)
  }
  async resendCode(): Promise<LoginStep> {
    return this.#runningDialogue().resendCode()
  }
  async confirmCode(code: string): Promise<LoginStep> {
    return this.#runningDialogue().confirmCode(code)
  }
  async checkPassword(password: string): Promise<LoginStep> {
    return this.#runningDialogue().checkPassword(password)
  }
  async register(firstName: string, lastName?: string): Promise<LoginStep> {
    return this.#runningDialogue().register(firstName, lastName)
  }
  async qr(): Promise<QrLogin> {
    return (await this.#openDialogue()).qr()
  }

  async adoptToken(token: string, deviceId?: string): Promise<LoginStep> {
    const { store } = this.#deps
    this.#refuseSecondAccount()
    this.#hangUp('adopting a token')
    const ownDevice = store.get('deviceId')
    if (deviceId !== undefined) store.set('deviceId', deviceId)
    try {
      const connection = await this.#dial()
      return await this.#takeToken(connection, token)
    } catch (error) {
      // Nothing half-done: a token that does not work leaves no trace.
      if (ownDevice !== undefined) store.set('deviceId', ownDevice)
      this.#hangUp('adoption failed')
      this.#forgetAccount()
      this.#to({ name: 'logged_out' })
      throw error
    }
  }

  // --- Login -------------------------------------------------------------------------------------

  #refuseSecondAccount(): void {
    if (this.#deps.store.get('token') !== undefined) throw new GatewayError('ALREADY_LOGGED_IN')
  }

  async #openDialogue(): Promise<LoginDialogue> {
    this.#refuseSecondAccount()
    if (this.#dialogue && this.#connection?.isOpen) return this.#dialogue
    this.#deps.store.delete('stopped')
    const connection = await this.#dial()
    const { clock, log } = this.#deps
    this.#dialogue = new LoginDialogue({
      clock,
      log,
      call: (opcode, payload) => connection.call(opcode, payload),
      onState: (state) => this.#to(state),
      onEvent: (type, fields) => this.#events.own(type, fields),
      onToken: (token) => this.#takeToken(connection, token),
    })
    return this.#dialogue
  }

  #runningDialogue(): LoginDialogue {
    if (this.#dialogue && this.#connection?.isOpen) return this.#dialogue
    throw new GatewayError('NO_PENDING_LOGIN')
  }

  /** A fresh token: keep it, then come online with it on the same connection. */
  async #takeToken(connection: MaxConnection, token: string): Promise<LoginStep> {
    const { store, vault } = this.#deps
    store.set('token', await vault.seal(token, 'max-token'))
    store.set('wanted', 'online')
    store.delete('markers')
    this.#dialogue = undefined
    const current = await this.#logIn(connection, token)
    return { step: 'done', maxUserID: this.userId, token: current }
  }

  /** LOGIN on a greeted connection; afterwards the session is online. Returns the valid token. */
  async #logIn(connection: MaxConnection, token: string): Promise<string> {
    const { store, vault, profile, clock } = this.#deps
    store.set('lastLoginAt', clock.now())
    const markers = store.get('markers') ?? { time: 0 }
    const request = loginRequest(profile, token, markers, Limit.chatsCount)
    const reply = await connection.call(Opcode.LOGIN, request)
    // MAX replaces aged tokens; the newest one is the one to keep (§6.5).
    const current = asString(reply.token) ?? token
    const sealed = current === token ? undefined : await vault.seal(current, 'max-token')
    if (connection !== this.#connection || !connection.isOpen) {
      throw new GatewayError('NOT_CONNECTED', 'the connection was lost during login')
    }
    store.transaction(() => {
      if (sealed !== undefined) store.set('token', sealed)
      this.#keepLoginReply(reply)
    })
    this.#comeOnline()
    return current
  }

  #keepLoginReply(reply: WireMap): void {
    const { store } = this.#deps
    const userId = asNumber(asMap(asMap(reply.profile).contact).id)
    if (userId !== undefined) store.set('userId', userId)
    for (const contact of asMaps(reply.contacts)) this.#keepContact(contact)
    const configHash = asString(asMap(reply.config).hash) ?? store.get('markers')?.configHash
    store.set('markers', {
      time: asNumber(reply.time) ?? 0,
      ...(configHash === undefined ? {} : { configHash }),
    })
  }

  #keepContact(contact: WireMap): void {
    const id = asIdString(contact.id)
    if (id !== undefined) this.#deps.store.saveContact(id, contact)
  }

  #comeOnline(): void {
    this.#redirectHost = undefined
    this.#to({ name: 'online', since: this.#deps.clock.now() })
    this.#events.own('Connected', { maxUserID: this.userId, reconnect: this.#wasOnline })
    this.#wasOnline = true
    this.#outgoing.resume()
    for (const wake of this.#onlineWaiters) wake()
  }

  async #sayLogout(): Promise<void> {
    try {
      await this.#call(Opcode.LOGOUT, {}, 5_000)
    } catch (error) {
      this.#deps.log('info', 'logout went unanswered', { code: (error as GatewayError).code })
    }
  }

  #forgetAccount(): void {
    const { store } = this.#deps
    store.delete('token', 'userId', 'markers', 'stopped')
    store.set('wanted', 'offline')
    store.clearContacts()
  }

  // --- Connection --------------------------------------------------------------------------------

  /** A greeted connection, which becomes the session's own; the one before is closed. */
  async #dial(): Promise<MaxConnection> {
    this.#hangUp('replaced')
    const { clock, log, codec, profile, store } = this.#deps
    const deviceId = store.get('deviceId')
    if (deviceId === undefined) throw new GatewayError('INTERNAL_ERROR', 'the tenant is not set up')
    const connection: MaxConnection = new MaxConnection({
      dial: this.#deps.dial(this.#redirectHost),
      codec,
      clock,
      log,
      onPush: (push) => {
        if (connection === this.#connection) this.#onPush(push)
      },
      onClosed: (reason) => {
        if (connection === this.#connection) this.#onLost(reason)
      },
    })
    this.#connection = connection
    this.#to({ name: 'connecting', attempt: this.#attempt })
    try {
      await connection.open(sessionInit(profile, deviceId))
    } catch (error) {
      if (connection === this.#connection) {
        this.#connection = undefined
        if (store.get('token') === undefined) this.#to({ name: 'logged_out' })
      }
      throw error
    }
    if (connection !== this.#connection) {
      throw new GatewayError('NOT_CONNECTED', 'another request took the connection over')
    }
    return connection
  }

  /** Dials and logs in with the stored token; failures lead to the next wait or to a stop. */
  #reconnect(): void {
    this.#cancelRetry()
    const { store, vault, log } = this.#deps
    this.#attempt += 1
    if (this.#attempt === 2 || this.#attempt % 10 === 0) {
      this.#events.own('Reconnecting', { attempt: this.#attempt })
    }
    const run = async (): Promise<void> => {
      const connection = await this.#dial()
      const token = await vault.open(store.get('token') ?? '', 'max-token')
      await this.#logIn(connection, token)
    }
    run().catch((error: unknown) => {
      log('warn', 'connecting failed', {
        error: error instanceof GatewayError ? error.code : String(error),
      })
      // A disconnect, a logout or another dial has decided otherwise meanwhile.
      if (this.#state.name !== 'connecting') return
      this.#hangUp('connecting failed')
      this.#afterFailure(error)
    })
  }

  #afterFailure(error: unknown): void {
    const failure = error instanceof GatewayError ? error : undefined
    const refusal = failure?.data.maxError
    if (refusal && sessionConsequence(refusal) === 'stop' && failure.code !== 'RATE_LIMITED') {
      this.#stop(failure)
      return
    }
    const delay = Math.max(this.#delay(this.#attempt), failure?.data.retryAfterMs ?? 0)
    const reason = failure?.message ?? 'the connection failed'
    this.#waitAndRetry(this.#deps.clock.now() + delay, reason)
  }

  #delay(attempt: number): number {
    const { store, clock, random } = this.#deps
    return reconnectDelay(attempt, store.get('lastLoginAt') ?? 0, clock.now(), random)
  }

  /** MAX does not want this session any more: only a person can help (design D8). */
  #stop(failure: GatewayError): void {
    const { store } = this.#deps
    const expired = failure.code === 'LOGIN_REQUIRED'
    if (expired) store.delete('token', 'markers')
    const stopped = {
      reason: failure.message,
      action: expired
        ? 'Log in again: GET /session/qr or POST /session/auth/request'
        : 'See the reason; then POST /session/connect',
    }
    store.set('stopped', stopped)
    this.#to({ name: 'stopped', ...stopped })
    this.#events.own(expired ? 'AuthExpired' : 'Disconnected', { reason: failure.message })
    for (const wake of this.#onlineWaiters) wake(failure)
  }

  #waitAndRetry(retryAt: number, reason: string): void {
    const { clock } = this.#deps
    this.#to({ name: 'waiting', retryAt, attempt: this.#attempt, reason })
    // The alarm covers a wait that outlives the object; a timer is exact while it lives.
    this.#cancelRetry()
    this.#cancelRetry = clock.after(Math.max(0, retryAt - clock.now()), () => {
      if (this.#state.name === 'waiting') this.#reconnect()
    })
  }

  /** Closes the connection on purpose; nothing is retried. */
  #hangUp(reason: string): void {
    this.#cancelRetry()
    this.#dialogue?.dispose()
    this.#dialogue = undefined
    const connection = this.#connection
    // Cleared first: a connection that is no longer ours reports to nobody.
    this.#connection = undefined
    connection?.close(reason)
  }

  /** The connection is gone without our doing. */
  #onLost(reason: string): void {
    const state = this.#state
    this.#dialogue?.dispose()
    this.#dialogue = undefined
    this.#connection = undefined
    this.#deps.log('info', 'connection lost', { reason, state: state.name })
    if (state.name === 'online') {
      const { clock } = this.#deps
      if (clock.now() - state.since >= STABLE_AFTER_MS) this.#attempt = 0
      this.#events.own('Disconnected', { reason })
      this.#attempt += 1
      const { store, random } = this.#deps
      const delay = reconnectDelay(
        this.#attempt,
        store.get('lastLoginAt') ?? 0,
        clock.now(),
        random,
      )
      this.#attempt -= 1
      this.#waitAndRetry(clock.now() + delay, `connection lost: ${reason}`)
      return
    }
    // While dialing or logging in, the pending call fails and decides.
    if (state.name !== 'connecting') this.#to({ name: 'logged_out' })
  }

  #call(opcode: Opcode, payload: WireMap, timeoutMs?: number): Promise<WireMap> {
    const connection = this.#connection
    if (connection === undefined || this.#state.name !== 'online') {
      return Promise.reject(this.#offlineError())
    }
    return connection.call(opcode, payload, timeoutMs).catch((error: unknown) => {
      const refusal = error instanceof GatewayError ? error.data.maxError : undefined
      // MAX lost our login on a living connection: only a new one helps (§11.1).
      if (refusal && sessionConsequence(refusal) === 'relogin') connection.close('session lost')
      throw error
    })
  }

  // --- Pushes ------------------------------------------------------------------------------------

  #onPush(push: Frame): void {
    const { log } = this.#deps
    try {
      if (push.opcode === Opcode.RECONNECT) return this.#onReconnect(asMap(push.payload))
      if (push.opcode === Opcode.LOGOUT) return this.#onLoggedOut(push)
      const contact = asMap(push.payload).contact
      if (push.opcode === Opcode.NOTIF_CONTACT && isWireMap(contact)) this.#keepContact(contact)
      this.#events.push(push)
      if (push.opcode === Opcode.NOTIF_MESSAGE) this.#acknowledge(push)
    } catch (error) {
      // Not acknowledged, so MAX may deliver it again.
      log('error', 'a push could not be stored', { opcode: push.opcode, error: String(error) })
    }
  }

  #acknowledge(push: Frame): void {
    const payload = asMap(push.payload)
    const chatId = asIdString(payload.chatId)
    const messageId = asIdString(asMap(payload.message).id)
    if (chatId === undefined || messageId === undefined) return
    this.#connection?.acknowledge(push, {
      chatId: wireId(chatId),
      messageId: wireMessageId(messageId),
    })
  }

  /** MAX orders a new dial, possibly elsewhere (§7). */
  #onReconnect(payload: WireMap): void {
    this.#redirectHost = asString(payload.redirectHost) || undefined
    this.#connection?.close('MAX asked to reconnect')
  }

  #onLoggedOut(push: Frame): void {
    const refusal = { code: 'login.token', ...parseMaxError(push.payload) }
    this.#hangUp('logged out by MAX')
    this.#deps.store.delete('token', 'markers')
    const stopped = {
      reason: 'MAX ended the session',
      action: 'Log in again: GET /session/qr or POST /session/auth/request',
    }
    this.#deps.store.set('stopped', stopped)
    this.#to({ name: 'stopped', ...stopped })
    this.#events.own('LoggedOut', { reason: refusal.message ?? stopped.reason })
  }

  // --- The rest ----------------------------------------------------------------------------------

  #to(state: SessionState): void {
    if (state.name !== this.#state.name) {
      this.#deps.log('info', 'session state', { from: this.#state.name, to: state.name })
    }
    this.#state = state
    this.#arm()
  }

  #arm(): void {
    this.#deps.setAlarm(
      nextAlarm(
        {
          state: this.#state.name,
          retryAt: this.#state.name === 'waiting' ? this.#state.retryAt : undefined,
          deliveryAt: this.#delivery.nextAt(),
        },
        this.#deps.clock.now(),
      ),
    )
  }

  #refreshDestinations(): void {
    const config = this.#deps.store.get('config')
    const disabled = this.#deps.store.get('disabled') ?? {}
    const all = config ? this.#deps.destinations(config) : []
    this.#delivery.setDestinations(all.filter((destination) => !(destination.id in disabled)))
  }

  #untilOnline(waitMs: number): Promise<void> {
    if (this.#state.name === 'online') return Promise.resolve()
    return new Promise((resolve, reject) => {
      const finish = (error?: GatewayError): void => {
        this.#onlineWaiters.delete(finish)
        stop()
        if (error) reject(error)
        else resolve()
      }
      const stop = this.#deps.clock.after(waitMs, () => finish())
      this.#onlineWaiters.add(finish)
    })
  }

  #offlineError(): GatewayError {
    const state = this.#state
    const { clock } = this.#deps
    return new GatewayError('NOT_CONNECTED', `not connected (${state.name})`, {
      details: {
        state: state.name,
        ...('reason' in state ? { reason: state.reason } : {}),
        ...('action' in state ? { action: state.action } : {}),
      },
      ...(state.name === 'waiting'
        ? { retryAfterMs: Math.max(1_000, state.retryAt - clock.now()) }
        : {}),
    })
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()

const disabledFact = (disabled: Record<string, string> | undefined) => {
  const reason = Object.values(disabled ?? {})[0]
  return reason === undefined ? {} : { failing: true, lastError: reason }
}

/** Filter of a tenant's events for a destination. */
export const eventFilter =
  (events: readonly string[]) =>
  (type: string): boolean =>
    wantsEvent(events, type as EventName)
