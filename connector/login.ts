import { GatewayError } from '../schema/errors.ts'
import type { EventName } from '../schema/events.ts'
import { fromMaxError, parseMaxError } from '../schema/max-errors.ts'
import { Opcode } from '../schema/opcodes.ts'
import type { LoginStep, QrLogin, SessionState } from '../schema/session-port.ts'
import { asMap, asNumber, asString, Limit, type WireMap } from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import { qrDataUrl } from './qr.ts'

export interface LoginDeps {
  call(opcode: Opcode, payload: WireMap): Promise<WireMap>
  clock: Clock
  log: Log
  onState(state: SessionState): void
  onEvent(type: EventName, fields: Record<string, unknown>): void
  /** The dialogue is over: keep the token and come online with it. */
  onToken(token: string): Promise<LoginStep>
}

/** What MAX waits for. Its tokens and tracks are valid on this one connection only (§2.1, §9). */
type Step =
  | { kind: 'none' }
  | { kind: 'code'; token: string; phone: string; language: string; sent: CodeSent }
  | { kind: 'password'; trackId: string; hint: string | undefined }
  | { kind: 'registration'; token: string }
  | { kind: 'qr'; trackId: string; login: QrLogin; refreshes: number }

interface CodeSent {
  codeLength: number
  resendAfterMs: number
  requestsLeft: number | undefined
}

const DEFAULT_RESEND_MS = 60_000

/**
 * The login dialogue of one connection, every way in: SMS, QR, cloud password, registration
 * (wire-and-auth.md §8, §9). Never begins anything by itself: a person asks for each step.
 */
export class LoginDialogue {
  readonly #deps: LoginDeps
  #step: Step = { kind: 'none' }
  #cancelPoll: () => void = () => {}
  #disposed = false

  constructor(deps: LoginDeps) {
    this.#deps = deps
  }

  /** Asks MAX to send an SMS code. */
  async requestCode(phone: string, language: string): Promise<LoginStep> {
    return this.#askForCode(phone, language, 'START_AUTH')
  }

  async resendCode(): Promise<LoginStep> {
    const step = this.#expect('code', 'request a code first')
    return this.#askForCode(step.phone, step.language, 'RESEND')
  }

  /** @throws {GatewayError} CODE_WRONG and CODE_EXPIRED leave the step open for another try. */
  async confirmCode(code: string): Promise<LoginStep> {
    const { token } = this.#expect('code', 'request a code first')
    return this.#proceed(
      await this.#call(Opcode.AUTH, {
        token,
        verifyCode: code,
        authTokenType: 'CHECK_CODE',
      }),
    )
  }

  /** @throws {GatewayError} PASSWORD_WRONG leaves the step open for another try. */
  async checkPassword(password: string): Promise<LoginStep> {
    const { trackId } = this.#expect('password', 'no password was asked for')
    const reply = await this.#call(Opcode.AUTH_LOGIN_CHECK_PASSWORD, { trackId, password })
    // Some clients met the refusal as an OK answer with an `error` (§8).
    if (asString(reply.error) !== undefined) throw fromMaxError(parseMaxError(reply))
    return this.#proceed(reply)
  }

  async register(firstName: string, lastName: string | undefined): Promise<LoginStep> {
    const { token } = this.#expect('registration', 'no registration was asked for')
    const reply = await this.#call(Opcode.AUTH_CONFIRM, {
      firstName,
      lastName: lastName || undefined,
      token,
      tokenType: 'REGISTER',
    })
    const loginToken = asString(reply.token)
    if (loginToken === undefined) throw new GatewayError('BAD_UPSTREAM', 'MAX sent no token')
    return this.#done(loginToken)
  }

  /** The QR code to show now; asks for one when none is valid. */
  async qr(): Promise<QrLogin> {
    if (this.#step.kind === 'qr' && this.#step.login.expiresAt > this.#deps.clock.now()) {
      return this.#step.login
    }
    if (this.#step.kind === 'password') {
      throw new GatewayError('CONFLICT', 'the account has a password: POST /session/auth/password')
    }
    return this.#newQr(0)
  }

  /** Ends the dialogue without an outcome. */
  dispose(): void {
    this.#disposed = true
    this.#cancelPoll()
    this.#step = { kind: 'none' }
  }

  /** An answer that comes after the dialogue ended must change nothing any more. */
  async #call(opcode: Opcode, payload: WireMap): Promise<WireMap> {
    const reply = await this.#deps.call(opcode, payload)
    if (this.#disposed) throw new GatewayError('NO_PENDING_LOGIN', 'the login was ended meanwhile')
    return reply
  }

  #expect<K extends Step['kind']>(kind: K, hint: string): Extract<Step, { kind: K }> {
    if (this.#step.kind !== kind) throw new GatewayError('NO_PENDING_LOGIN', hint)
    return this.#step as Extract<Step, { kind: K }>
  }

  async #askForCode(phone: string, language: string, type: string): Promise<LoginStep> {
    this.#cancelPoll()
    let reply: WireMap
    try {
      reply = await this.#call(Opcode.AUTH_REQUEST, { phone, type, language })
    } catch (error) {
      throw await this.#withCaptchaLink(error, phone)
    }
    const token = asString(reply.token)
    if (token === undefined) throw new GatewayError('BAD_UPSTREAM', 'MAX sent no token')
    const sent: CodeSent = {
      codeLength: asNumber(reply.codeLength) ?? 6,
      resendAfterMs: milliseconds(asNumber(reply.altActionDuration)),
      requestsLeft: asNumber(reply.requestCountLeft),
    }
    this.#step = { kind: 'code', token, phone, language, sent }
    const resendAt = this.#deps.clock.now() + sent.resendAfterMs
    this.#deps.onState({ name: 'awaiting_code', phone, codeLength: sent.codeLength, resendAt })
    this.#deps.onEvent('AuthCodeSent', { phone: mask(phone) })
    const { requestsLeft, ...rest } = sent
    return { step: 'code', ...rest, ...(requestsLeft === undefined ? {} : { requestsLeft }) }
  }

  /** A captcha demand with the page a person could open, when MAX gives one (§2.1, opcode 224). */
  async #withCaptchaLink(error: unknown, phone: string): Promise<unknown> {
    if (!(error instanceof GatewayError) || error.code !== 'CAPTCHA_REQUIRED') return error
    const details: Record<string, unknown> = { suggestion: 'Log in by QR: GET /session/qr' }
    try {
      const reply = await this.#call(Opcode.GET_CAPTCHA, { source: 'auth', identifier: phone })
      const link = asString(reply.link)
      if (link !== undefined) details.link = link
    } catch (cause) {
      this.#deps.log('info', 'no captcha link', { code: (cause as GatewayError).code })
    }
    const maxError = error.data.maxError
    return new GatewayError('CAPTCHA_REQUIRED', undefined, {
      details,
      ...(maxError === undefined ? {} : { maxError }),
      cause: error,
    })
  }

  /** Reads an answer that carries a token, a password challenge or a way to register (§8). */
  async #proceed(reply: WireMap): Promise<LoginStep> {
    const attributes = asMap(reply.tokenAttrs)
    const token = asString(asMap(attributes.LOGIN).token)
    if (token !== undefined) return this.#done(token)
    const challenge = asMap(reply.passwordChallenge)
    const trackId = asString(challenge.trackId)
    if (trackId !== undefined) {
      const hint = asString(challenge.hint)
      this.#step = { kind: 'password', trackId, hint }
      const shown = hint === undefined ? {} : { hint }
      this.#deps.onState({ name: 'awaiting_password', ...shown })
      return { step: 'password', ...shown }
    }
    const registration = asString(asMap(attributes.REGISTER).token)
    if (registration !== undefined) {
      this.#step = { kind: 'registration', token: registration }
      this.#deps.onState({ name: 'registering' })
      return { step: 'registration' }
    }
    throw new GatewayError('BAD_UPSTREAM', 'MAX answered the login with nothing we know')
  }

  #done(token: string): Promise<LoginStep> {
    this.dispose()
    return this.#deps.onToken(token)
  }

  async #newQr(refreshes: number): Promise<QrLogin> {
    this.#cancelPoll()
    const reply = await this.#call(Opcode.GET_QR, {})
    const trackId = asString(reply.trackId)
    const link = asString(reply.qrLink)
    if (trackId === undefined || link === undefined) {
      throw new GatewayError('BAD_UPSTREAM', 'MAX sent no QR code')
    }
    const login: QrLogin = {
      trackId,
      link,
      expiresAt: asNumber(reply.expiresAt) ?? this.#deps.clock.now() + 120_000,
      pollingIntervalMs: asNumber(reply.pollingInterval) ?? 5_000,
    }
    this.#step = { kind: 'qr', trackId, login, refreshes }
    const { expiresAt } = login
    this.#deps.onState({ name: 'awaiting_qr', link, expiresAt, refreshes })
    const qrCodeBase64 = qrDataUrl(link)
    this.#deps.onEvent('QRGenerated', { qrLink: link, qrCodeBase64, trackId, expiresAt })
    this.#planPoll(login.pollingIntervalMs)
    return login
  }

  #planPoll(delayMs: number): void {
    this.#cancelPoll = this.#deps.clock.after(delayMs, () => {
      this.#poll().catch((error: unknown) => this.#pollFailed(error))
    })
  }

  /** Asks whether the code was approved; takes the token, or a fresh code when it expired. */
  async #poll(): Promise<void> {
    const step = this.#step
    if (step.kind !== 'qr' || this.#disposed) return
    const { trackId } = step
    if (step.login.expiresAt <= this.#deps.clock.now()) return this.#refresh(step)
    const status = asMap((await this.#call(Opcode.GET_QR_STATUS, { trackId })).status)
    // Another step may have begun while MAX was asked.
    if (this.#step !== step || this.#disposed) return
    if (status.loginAvailable !== true) return this.#planPoll(step.login.pollingIntervalMs)
    this.#deps.onEvent('QRScanned', { trackId })
    const reply = await this.#call(Opcode.LOGIN_BY_QR, { trackId })
    if (this.#step !== step || this.#disposed) return
    this.#deps.onEvent('QRAuthorized', { trackId })
    await this.#proceed(reply)
  }

  async #refresh(step: Extract<Step, { kind: 'qr' }>): Promise<void> {
    const reason = 'nobody scanned it in time'
    this.#deps.onEvent('QRExpired', { trackId: step.trackId, reason })
    if (step.refreshes < Limit.qrRefreshes) {
      await this.#newQr(step.refreshes + 1)
      return
    }
    this.#step = { kind: 'none' }
    this.#deps.onState({ name: 'logged_out' })
  }

  #pollFailed(error: unknown): void {
    const step = this.#step
    if (step.kind !== 'qr' || this.#disposed) return
    const code = error instanceof GatewayError ? error.code : 'INTERNAL_ERROR'
    this.#deps.log('info', 'QR poll failed', { code })
    // `track.not.found`: MAX forgot the code, so a new one is due at once.
    if (code === 'NO_PENDING_LOGIN') step.login.expiresAt = 0
    if (code !== 'NOT_CONNECTED') this.#planPoll(step.login.pollingIntervalMs)
  }
}

/** The capture has milliseconds, an issue thread seconds (§8): small values are seconds. */
const milliseconds = (value: number | undefined): number => {
  if (value === undefined) return DEFAULT_RESEND_MS
  return value < 1000 ? value * 1000 : value
}

/** A phone number in events and logs: the ends are enough to know it by. */
const mask = (phone: string): string => `${phone.slice(0, 3)}…${phone.slice(-2)}`
