/**
 * The border between the HTTP edge and a tenant's session object, and between an operation row and
 * the live side: plain types that both know.
 */
import type { Result } from './errors.ts'
import type { IdValue } from './ids.ts'
import type { LogPort } from './log-port.ts'
import type { Opcode } from './opcodes.ts'
import type { SendsPort } from './sends-port.ts'
import type { StorageChange, StorageView, TenantStorage } from './storage-settings.ts'
import type { WebhooksPort } from './webhooks-port.ts'
import type { WireMap } from './wire.ts'

/** What the edge tells a session about its tenant. Kept by the object, so delivery needs no database. */
export interface TenantConfig {
  id: string
  name: string
  /** Grows whenever the API token changes; a call that carries an older one is refused. */
  generation: number
  /** Unix ms of the last change; older settings that arrive late are ignored. */
  updatedAt: number
  sandbox: boolean
  /** Webhook URL, or `''` for none. */
  webhook: string
  /** Names of the events to deliver; `All` for every one. */
  events: string[]
}

/** State of a session, as the state machine has it (design D6). */
export type SessionState =
  | { name: 'logged_out' }
  | { name: 'awaiting_code'; phone: string; codeLength: number; resendAt: number }
  | { name: 'awaiting_password'; hint?: string }
  | { name: 'awaiting_qr'; link: string; expiresAt: number; refreshes: number }
  | { name: 'registering' }
  | { name: 'connecting'; attempt: number }
  | { name: 'online'; since: number }
  | { name: 'offline' }
  | { name: 'waiting'; retryAt: number; attempt: number; reason: string }
  | { name: 'stopped'; reason: string; action: string }

export interface SessionStatus {
  connected: boolean
  authenticated: boolean
  loggedIn: boolean
  /** 0 while no account is known. */
  maxUserID: number
  /** The device that MAX knows this session as; absent before the first login. */
  deviceId?: string
  state: SessionState['name']
  wanted: 'online' | 'offline'
  /** Why the session is not online, for a person. */
  reason?: string
  /** What a person must do, when only a person can. */
  action?: string
  retryAt?: string
  onlineSince?: string
  lastInboundAt?: string
  pingMs?: number
  /** Messages written down but not yet answered by MAX. */
  pendingSends: number
  delivery: {
    pending: number
    failing: boolean
    lastError?: string
    /** Destinations that are not tried until somebody enables them. */
    disabled?: { id: string; reason: string }[]
    /** Events that somebody still needs are given up from the deadline on. */
    retention?: { reason: string; warnedAt: string; deadline: string }
  }
}

export type LoginStep =
  | { step: 'code'; codeLength: number; resendAfterMs: number; requestsLeft?: number }
  | { step: 'password'; hint?: string }
  | { step: 'registration' }
  | { step: 'done'; maxUserID: number; token?: string }

export interface QrLogin {
  trackId: string
  link: string
  expiresAt: number
  pollingIntervalMs: number
}

/** What a send looks like before it gets its `cid`. */
export interface OutgoingMessage {
  /** Target chat; 0 is Saved Messages. */
  chatId: IdValue
  message: WireMap
  notify: boolean
}
/** What a message has to wait for, and for how long somebody waits for it. */
export interface SendPatience {
  /** Uploads that MAX has to process first: `file:1`, `video:1`, `audio:1`. */
  awaits?: readonly string[]
  /** How long the caller waits for the outcome; default 30 s. */
  patienceMs?: number
}
export interface SentMessage {
  /** Our own id, `msg_…`: known before MAX has answered. */
  id: string
  messageId: string
  chatId: IdValue
  message: WireMap
}

/** Contact as MAX gave it last. */
export type Contact = WireMap

/**
 * What LOGIN told of the account, kept up to date by MAX's pushes. MAX pushes nothing to the
 * connection that made a change, so a row that changes the account keeps what MAX answered.
 */
export interface AccountPort {
  /** `{contact, profileOptions}`; `undefined` while no account is known. */
  profile(): WireMap | undefined
  keepProfile(profile: WireMap): void
  /** The account's settings by MAX's names; `{}` while none are known. */
  settings(): WireMap
  /** Takes changed settings in; the others stay. */
  keepSettings(changed: WireMap, hash?: string): void
  /** Settings of single chats, such as `dontDisturbUntil`, by chat id. */
  chatSettings(): WireMap
  keepChatSettings(changed: WireMap): void
  contacts(): Contact[]
  isContact(userId: IdValue): boolean
  keepContact(contact: Contact): void
  dropContact(userId: IdValue): void
  /** MAX has replaced the login token: from now on this one counts. */
  replaceToken(token: string): Promise<void>
}

/** Whose comings and goings become events. */
export interface PresencePort {
  /** User ids. */
  followed(): string[]
  /**
   * @param told what MAX says of them now, by user id; what differs from it later is news
   * @throws {GatewayError} CONFLICT when it would be too many; then nobody new is followed
   */
  follow(userIds: readonly IdValue[], told: WireMap): void
  unfollow(userIds: readonly IdValue[]): void
}

/** Where received media are stored. */
export interface StoragePort {
  /** With its keys, sealed: for whoever opens it. */
  readonly current: TenantStorage
  view(): StorageView
  /** @throws {GatewayError} INVALID_INPUT, or FORBIDDEN for an endpoint that may not be called */
  save(change: StorageChange): Promise<StorageView>
  /** As at the beginning. */
  forget(): Promise<StorageView>
}

/** Where a tenant's events go on RabbitMQ. */
export interface BrokerView {
  /** `''` without one of its own. */
  queue: string
  /** Whether the deployment has a broker. */
  configured: boolean
}

/**
 * What an operation row runs against. Everything here may reject with a `GatewayError`;
 * rows let it pass.
 */
export interface SessionPort {
  /** Own MAX user id; 0 before the first login. */
  readonly userId: number
  now(): number
  /** Asks MAX. Rejects with NOT_CONNECTED, MAX_TIMEOUT, or MAX's own refusal. */
  call(opcode: Opcode, payload: WireMap): Promise<WireMap>
  /** Writes a message down under a fresh `cid`, sends it, and repeats it until MAX has answered. */
  send(message: OutgoingMessage, patience?: SendPatience): Promise<SentMessage>
  /** For what is made by a message that `send` cannot make, such as a group: asked for once each. */
  newCid(): number
  /** Runs tasks of one name one after the other: for what is read, changed and written back. */
  inTurn<T>(name: string, task: () => Promise<T>): Promise<T>
  readonly account: AccountPort
  readonly presence: PresencePort
  /** Tells the receivers of events what was read of the account, as after a login. */
  announceSync(data: WireMap): void
  /** Lets time pass between calls that MAX would find too many at once. */
  pause(ms: number): Promise<void>
  /** The messages that were sent, and those that wait for their time. */
  readonly sends: SendsPort
  readonly storage: StoragePort
  /** Where events go. */
  readonly webhooks: WebhooksPort
  /** The event log, for those who read it by themselves. */
  readonly eventLog: LogPort
  status(): SessionStatus
  broker(): BrokerView
  setBrokerQueue(name: string): BrokerView
  /** Names of the events that are delivered. */
  events(): string[]
  setEvents(names: string[]): void

  /** Brings the session online and waits for it, up to `waitMs`. */
  connect(waitMs: number): Promise<void>
  disconnect(): Promise<void>
  logout(): Promise<void>
  requestCode(phone: string, language: string): Promise<LoginStep>
  resendCode(): Promise<LoginStep>
  confirmCode(code: string): Promise<LoginStep>
  checkPassword(password: string): Promise<LoginStep>
  register(firstName: string, lastName?: string): Promise<LoginStep>
  adoptToken(token: string, deviceId?: string): Promise<LoginStep>
  /** The QR code to show now; begins a QR login when none runs. */
  qr(): Promise<QrLogin>
  /** Ends a login that is under way, whatever step it is at. */
  cancelLogin(): void
}

/** Facts of one HTTP call that travel with it to the object. */
export interface CallContext {
  tenantId: string
  generation: number
  idempotencyKey?: string
  /** The caller does not want to wait for a message to be sent. */
  respondAsync?: boolean
  /** Set when the caller also proved to be the administrator. */
  admin?: boolean
}

/** What came of a call, as data, and what its answer says beside its fields. */
export type Reply = Result<unknown> & {
  /** The same Idempotency-Key got this answer before. */
  replayed?: boolean
  /** Our id of a message that is taken over and not sent yet. */
  accepted?: string
}

/** What the administrator's list shows of a session. */
export interface PeekedSession extends SessionStatus {
  storage?: StorageView
}

/** RPC methods of the session object. Failures come back as data, never as a thrown class. */
export interface SessionRpc {
  /**
   * Stores the tenant's settings (idempotent; changes act at once) and tells its signing secret.
   * `reenable` gives a webhook that said 410 another chance.
   */
  configure(
    config: TenantConfig,
    options?: { reenable?: boolean },
  ): Promise<Result<{ webhookSecret: string }>>
  /** Runs one operation row by name. `UNAUTHORIZED` means: unknown tenant or an old token. */
  invoke(name: string, input: unknown, context: CallContext): Promise<Reply>
  /** Body of an event of the log, as every reader gets it; `undefined` when retention took it. */
  readEvent(sequence: number): Promise<string | undefined>
  /** Upgrades to a web socket that gets the log as it grows; refusals are error data as JSON. */
  fetch(request: Request): Promise<Response>
  /** The status without any check; for the administrator's list. */
  peek(): Promise<PeekedSession>
  /** Where the tenant's media are stored; the keys are sealed. */
  storage(): Promise<TenantStorage>
  /** Sets it for the operator. */
  setStorage(change: StorageChange): Promise<Result<StorageView>>
  /** Repairs a lost alarm; called by cron. */
  ensure(): Promise<void>
  /** Logs out of MAX if it can, forgets everything. */
  destroy(): Promise<void>
}
