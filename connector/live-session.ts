import { GatewayError } from '../schema/errors.ts'
import { Opcode } from '../schema/opcodes.ts'
import type {
  AccountPort,
  BrokerView,
  LoginStep,
  OutgoingMessage,
  QrLogin,
  SendPatience,
  SentMessage,
  SessionStatus,
  TenantConfig,
} from '../schema/session-port.ts'
import { DEFAULT_ENDPOINT } from '../schema/webhooks-port.ts'
import { BINARY_VERSION, Command, type Frame, type WireMap } from '../schema/wire.ts'
import { Account } from './account.ts'
import { nextAlarm } from './alarm.ts'
import { CatchUp } from './catch-up.ts'
import { Idempotency } from './idempotency.ts'
import { IncomingMedia, type IncomingMediaDeps } from './incoming-media.ts'
import { KnownMessages } from './known-messages.ts'
import { defaultLimits, type SessionLimits } from './limits.ts'
import { Link, type LinkDeps } from './link.ts'
import type { LogReader } from './log-reader.ts'
import { Outage } from './outage.ts'
import { Outgoing, type SendOptions, type TakenMessage } from './outgoing.ts'
import { PresenceWatch } from './presence-watch.ts'
import { type PushIntakeDeps, takePush } from './push-intake.ts'
import { marksOfChats } from './read-marks.ts'
import { Readiness } from './readiness.ts'
import type { RunSession } from './run-scope.ts'
import { publicSend } from './send-status.ts'
import { type SendRow, SendStore } from './send-store.ts'
import { Sends } from './sends.ts'
import { sessionStatus } from './session-status.ts'
import { SignIn } from './sign-in.ts'
import { MediaObjects } from './storage/media-objects.ts'
import type { ObjectStore } from './storage/object-store.ts'
import { StorageSettings } from './storage/settings.ts'
import { syncFields } from './sync-event.ts'
import { TenantLog, type TenantLogDeps } from './tenant-log.ts'
import { Turns } from './turns.ts'
import type { Webhooks } from './webhooks.ts'

const DAY_MS = 86_400_000
const SENDS_RETENTION_MS = 7 * DAY_MS
const PRUNE_EVERY_MS = 3_600_000
const LOGOUT_TIMEOUT_MS = 5_000

export interface LiveSessionDeps
  extends Pick<
      LinkDeps,
      'store' | 'clock' | 'random' | 'breaker' | 'log' | 'profile' | 'dial' | 'codec'
    >,
    Pick<TenantLogDeps, 'vault' | 'outbound' | 'webhookFormat' | 'destinations' | 'hasBroker'> {
  /** The deployment's bucket. */
  bucket: ObjectStore
  /** Where the gateway is reached from outside, without a slash at the end. */
  publicUrl?: string
  limits?: Partial<SessionLimits>
  /** Moves the content of received files. */
  courier: IncomingMediaDeps['courier']
  /** Asks for a wake-up; `undefined` = none is needed. */
  setAlarm(at: number | undefined): void
}

/**
 * One tenant's session: everything an operation can ask for, and what happens to pushes. It joins the
 * link to MAX, the account, the ways to sign in, the event log, its delivery and the outgoing
 * messages, and only wires them. Runs on any host. Rules SS and RC in SPEC.md.
 */
export class LiveSession implements RunSession {
  readonly #deps: LiveSessionDeps
  readonly #account: Account
  readonly #link: Link
  readonly #log: TenantLog
  readonly webhooks: Webhooks
  readonly eventLog: LogReader
  readonly #catchUp: CatchUp
  readonly #outage: Outage
  readonly storage: StorageSettings
  /** Media that are stored for the tenant. */
  readonly media: MediaObjects
  readonly #incoming: IncomingMedia
  readonly #readiness: Readiness
  readonly #outgoing: Outgoing
  readonly #sendStore: SendStore
  readonly sends: Sends
  /** The keys under which this tenant's requests came. */
  readonly idempotency: Idempotency
  readonly #signIn: SignIn
  /** Whose presence is followed. */
  readonly presence: PresenceWatch
  readonly #pushes: PushIntakeDeps
  readonly #turns = new Turns()
  #wasOnline = false
  #lastPrune: number
  #isOver = false

  constructor(deps: LiveSessionDeps) {
    this.#deps = deps
    const { store, clock, log } = deps
    const limits = { ...defaultLimits, ...deps.limits }
    // By chance: after a restart all sessions would do it in the same moment, every hour.
    this.#lastPrune = clock.now() - deps.random() * PRUNE_EVERY_MS
    const known = new KnownMessages(store)
    this.#account = new Account(store, deps.vault)
    this.#log = new TenantLog({
      ...deps,
      known,
      limits,
      setConfig: (change) => this.#changeConfig(change),
      onMessage: (chatId, message) => this.#incoming.note(chatId, message),
      onWait: () => this.#arm(),
    })
    this.webhooks = this.#log.webhooks
    this.eventLog = this.#log.reader
    this.storage = new StorageSettings({
      ...deps,
      refusal: (url) => deps.outbound.refusal(url),
      onRetention: () => this.media.redate(),
    })
    this.media = new MediaObjects({
      ...deps,
      publicUrl: deps.publicUrl ?? '',
      settings: () => this.storage.current,
      onWait: () => this.#arm(),
    })
    this.#catchUp = new CatchUp({
      store,
      clock,
      log,
      known,
      events: this.#log.events,
      limits: limits.catchUp,
      call: (opcode, payload) => this.#link.call(opcode, payload),
    })
    this.#outage = new Outage({
      store,
      clock,
      degradedAfterMinutes: limits.degradedAfterMinutes,
      onEvent: (type, fields) => this.#log.events.own(type, fields),
    })
    this.#incoming = new IncomingMedia({
      store,
      clock,
      log,
      events: this.#log.events,
      limits: limits.media,
      courier: deps.courier,
      objects: this.media,
      settings: () => this.storage.current,
      isOnline: () => this.#link.isOnline,
      call: (opcode, payload) => this.#link.call(opcode, payload),
      onWait: () => this.#arm(),
    })
    this.#link = new Link({
      ...deps,
      account: this.#account,
      onState: (state) => {
        this.#outage.follow(state)
        if (this.#wasOnline && state.name !== 'online') this.#catchUp.lost()
        this.#wasOnline = state.name === 'online'
        this.#arm()
      },
      onPush: (push, connection) => takePush(push, connection, this.#pushes),
      onLoggingIn: () => this.#catchUp.greet(),
      onOnline: ({ reconnect, reply }) => {
        const maxUserID = this.userId
        this.#keepSendsOf(maxUserID)
        this.#log.events.own('Connected', { maxUserID, reconnect })
        this.#log.events.own('Sync', { ...syncFields(reply), reconnect, maxUserID })
        this.#catchUp.loggedIn(reply, maxUserID)
        for (const mark of marksOfChats(reply, maxUserID)) this.sends.markRead(...mark)
        this.#outgoing.resume()
        this.#incoming.kick()
      },
      maxAttempts: limits.connectRetries,
      onGaveUp: (attempt, reason) => {
        const since = store.get('outage')?.since ?? clock.now()
        const offlineSince = iso(since)
        this.#log.events.own('ReconnectExhausted', { attempt, offlineSince, gaveUp: true, reason })
      },
      onLost: (reason) => this.#log.events.own('Disconnected', { reason }),
      onRetry: (attempt) => {
        // The first try is no news; after that the second and every tenth are.
        if (attempt === 2 || attempt % 10 === 0) this.#log.events.own('Reconnecting', { attempt })
      },
      onStopped: (failure, expired) => {
        // MAX refused the token at a login, or ended the session by itself.
        const ended = failure.data.maxError ? 'AuthExpired' : 'LoggedOut'
        this.#log.events.own(expired ? ended : 'Disconnected', { reason: failure.message })
      },
    })
    this.#sendStore = new SendStore(store.sql)
    this.idempotency = new Idempotency({
      sql: store.sql,
      clock,
      isCidTaken: (cid) => this.#sendStore.find(cid) !== undefined,
    })
    this.#readiness = new Readiness(clock)
    this.#outgoing = new Outgoing({
      store: this.#sendStore,
      clock,
      log,
      isOnline: () => this.#link.isOnline,
      transmit: (payload, timeoutMs) => this.#link.call(Opcode.MSG_SEND, payload, timeoutMs),
      onSilence: (since) => this.#link.closeIfSilent(since),
      readiness: this.#readiness,
      onStatus: (row) => this.#onSendStatus(row),
    })
    this.sends = new Sends({
      store: this.#sendStore,
      outgoing: this.#outgoing,
      clock,
      onStatus: (row) => this.#onSendStatus(row),
    })
    this.#signIn = new SignIn({
      store,
      account: this.#account,
      link: this.#link,
      clock,
      log,
      onEvent: (type, fields) => this.#log.events.own(type, fields),
    })
    this.presence = new PresenceWatch({
      store,
      clock,
      log,
      isOnline: () => this.#link.isOnline,
      call: (opcode, payload) => this.#link.call(opcode, payload),
      onChange: (userId, presence) => {
        this.#log.events.push(asPush(Opcode.NOTIF_PRESENCE, { userId: Number(userId), presence }))
      },
    })
    this.#pushes = {
      link: this.#link,
      account: this.#account,
      presence: this.presence,
      readiness: this.#readiness,
      catchUp: this.#catchUp,
      events: this.#log.events,
      sends: this.sends,
      log,
    }
  }

  start(): void {
    this.#log.refreshDestinations()
    this.#link.start()
  }

  /** The alarm: everything that time makes due. */
  tick(): void {
    this.#link.tick()
    this.#outage.tick(this.#link.state)
    this.#log.tick()
    this.#outgoing.expire()
    this.presence.tick()
    this.sends.release()
    this.media.tick()
    this.#incoming.kick()
    const { clock } = this.#deps
    const now = clock.now()
    if (now - this.#lastPrune >= PRUNE_EVERY_MS) {
      this.#lastPrune = now
      this.#log.prune(now)
      this.#sendStore.prune(now - SENDS_RETENTION_MS)
      this.idempotency.prune()
    }
    this.#arm()
  }

  /**
   * Takes the tenant's settings. Telling the same again changes nothing; `reenable` gives a webhook
   * that said 410 another chance.
   */
  configure(config: TenantConfig, reenable = false): void {
    const { store } = this.#deps
    const before = store.get('config')
    if (reenable) this.#log.enable(DEFAULT_ENDPOINT)
    const isNews = before === undefined || config.updatedAt > before.updatedAt
    if (!isNews && !reenable) return
    if (isNews) store.set('config', config)
    this.#log.refreshDestinations()
    this.#arm()
  }

  /** Ends everything for good; MAX is told if it can be reached. */
  async destroy(): Promise<void> {
    // First: whatever is under way must find that nobody wants it any more.
    this.#deps.store.set('wanted', 'offline')
    await this.#sayLogout()
    this.#signIn.end()
    this.#abandonWork()
    this.#link.hangUp('destroyed')
    this.#link.rest()
    this.#log.stop()
    this.media.stop()
    this.#incoming.stop()
    this.#isOver = true
  }

  requireOnline(): Promise<void> {
    return this.#link.requireOnline()
  }

  /**
   * @throws {GatewayError} NOT_CONNECTED unless the session is online or wanted to be.
   */
  requireWanted(): void {
    this.#link.requireWanted()
  }

  take(message: OutgoingMessage, options?: SendOptions): TakenMessage {
    return this.#outgoing.take(message, options)
  }

  // SessionPort: what operation rows use.

  get userId(): number {
    return this.#account.userId
  }
  now(): number {
    return this.#deps.clock.now()
  }
  call(opcode: Opcode, payload: WireMap): Promise<WireMap> {
    return this.#link.call(opcode, payload)
  }
  async send(message: OutgoingMessage, patience?: SendPatience): Promise<SentMessage> {
    return this.#outgoing.take(message, patience).outcome
  }
  newCid(): number {
    return this.#outgoing.newCid()
  }
  inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(name, task)
  }
  get account(): AccountPort {
    return this.#account
  }
  announceSync(data: WireMap): void {
    const facts = { reconnect: false, manual: true, maxUserID: this.userId }
    this.#log.events.own('Sync', { ...syncFields(data), ...facts })
  }
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#deps.clock.after(ms, resolve))
  }
  events(): string[] {
    return this.#deps.store.get('config')?.events ?? []
  }
  setEvents(names: string[]): void {
    this.#changeConfig({ events: names })
  }

  broker(): BrokerView {
    return this.#log.broker()
  }
  setBrokerQueue(name: string): BrokerView {
    return this.#log.setBrokerQueue(name)
  }

  status(): SessionStatus {
    const { store } = this.#deps
    const { state, connection } = this.#link
    return sessionStatus({
      state,
      hasAccount: this.#account.exists,
      maxUserID: this.userId,
      deviceId: store.get('deviceId'),
      wanted: store.get('wanted') ?? 'offline',
      lastInboundAt: connection?.lastInboundAt,
      pingMs: connection?.pingMs,
      pendingSends: this.#outgoing.pending,
      delivery: this.#log.status(),
    })
  }

  async connect(waitMs: number): Promise<void> {
    if (!this.#account.exists) throw new GatewayError('LOGIN_REQUIRED')
    this.#deps.store.set('wanted', 'online')
    this.#link.connect()
    if (waitMs > 0) await this.#link.untilOnline(waitMs)
  }

  async disconnect(): Promise<void> {
    const wasOnline = this.#link.isOnline
    this.#deps.store.set('wanted', 'offline')
    this.#signIn.end()
    this.#link.hangUp('disconnected')
    this.#link.rest()
    if (wasOnline) this.#log.events.own('Disconnected', { reason: 'requested' })
  }

  async logout(): Promise<void> {
    await this.#sayLogout()
    const { store } = this.#deps
    store.set('wanted', 'offline')
    store.delete('stopped')
    this.#signIn.end()
    this.#abandonWork()
    this.#link.hangUp('logged out')
    this.#catchUp.forget()
    this.#account.forget()
    this.#link.rest()
    this.#log.events.own('LoggedOut', { reason: 'requested' })
  }

  /** What waits to be sent must not leave under another account than it was written for. */
  #keepSendsOf(userId: number): void {
    const { store } = this.#deps
    const before = store.get('sendsOf')
    if (before === userId) return
    if (before !== undefined) this.#abandonWork()
    store.set('sendsOf', userId)
  }

  /** What waits in either direction, of an account that is gone. */
  #abandonWork(): void {
    this.#outgoing.abandon()
    this.sends.abandon()
    this.#incoming.abandon()
  }

  requestCode(phone: string, language: string): Promise<LoginStep> {
    return this.#signIn.askForCode(async () =>
      (await this.#signIn.begin()).requestCode(phone, language),
    )
  }
  resendCode(): Promise<LoginStep> {
    return this.#signIn.askForCode(async () => this.#signIn.running().resendCode())
  }
  confirmCode(code: string): Promise<LoginStep> {
    return this.#signIn.guess((steps) => steps.confirmCode(code))
  }
  checkPassword(password: string): Promise<LoginStep> {
    return this.#signIn.guess((steps) => steps.checkPassword(password))
  }
  async register(firstName: string, lastName?: string): Promise<LoginStep> {
    return this.#signIn.running().register(firstName, lastName)
  }
  async qr(): Promise<QrLogin> {
    return (await this.#signIn.begin()).qr()
  }

  adoptToken(token: string, deviceId?: string): Promise<LoginStep> {
    return this.#signIn.adopt(token, deviceId)
  }

  cancelLogin(): void {
    if (!this.#signIn.isRunning) return
    this.#signIn.end()
    this.#link.hangUp('the login was cancelled')
    this.#link.rest()
  }

  async #sayLogout(): Promise<void> {
    if (!this.#link.isOnline) return
    try {
      await this.#link.call(Opcode.LOGOUT, {}, LOGOUT_TIMEOUT_MS)
    } catch (error) {
      this.#deps.log('info', 'logout went unanswered', { error: String(error) })
    }
  }

  /** Runs in the turn in which the state is written down. */
  #onSendStatus(row: SendRow): void {
    const { id, ...status } = publicSend(row)
    const place = row.chatId === null ? {} : { chatId: row.chatId }
    this.#log.events.own('MessageStatus', { sendId: id, ...status }, place)
    if (row.state === 'sent') this.sends.sent(row)
    else if (row.state === 'queued' || row.state === 'scheduled') this.#arm()
  }

  #arm(): void {
    if (this.#isOver) return
    const { state } = this.#link
    const { clock, setAlarm } = this.#deps
    const retryAt = state.name === 'waiting' ? state.retryAt : undefined
    const deliveryAt = this.#log.nextAt()
    const outageAt = state.name === 'waiting' ? this.#outage.nextAt() : undefined
    const sendsAt = earlier(this.sends.nextAt, this.#outgoing.expiresAt)
    const mediaAt = this.media.nextAt
    const incomingAt = this.#incoming.nextAt()
    const facts = { state: state.name, retryAt, deliveryAt, outageAt, sendsAt, mediaAt, incomingAt }
    setAlarm(nextAlarm(facts, clock.now()))
  }

  /** Settings of the tenant that an operation changed; the edge writes them to its database too. */
  #changeConfig(change: Partial<TenantConfig>): void {
    const config = this.#deps.store.get('config')
    if (config === undefined) return
    const given = Object.entries(change).filter(([, value]) => value !== undefined)
    // Just later than what it replaces: the edge's clock, not ours, says what is news after that.
    const updatedAt = config.updatedAt + 1
    this.configure({ ...config, ...Object.fromEntries(given), updatedAt })
  }
}

/** A push that MAX did not send: what was found out by asking becomes the same event. */
const asPush = (opcode: Opcode, payload: WireMap): Frame => ({
  ver: BINARY_VERSION,
  cmd: Command.REQUEST,
  seq: 0,
  opcode,
  payload,
})
const earlier = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)

const iso = (ms: number): string => new Date(ms).toISOString()
