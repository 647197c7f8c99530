import { GatewayError } from '../schema/errors.ts'
import type { EventName } from '../schema/events.ts'
import type { LoginStep } from '../schema/session-port.ts'
import type { Account } from './account.ts'
import { Attempts } from './attempts.ts'
import type { Clock, Log } from './clock.ts'
import type { MaxConnection } from './connection.ts'
import type { Link } from './link.ts'
import { LoginDialogue } from './login.ts'
import type { Store } from './store.ts'

/** Wrong codes and passwords of one tenant. MAX counts per code; this counts over all of them. */
const GUESSES = { burst: 10, everyMs: 60_000 }
/** Codes asked for: nobody's phone is to be flooded through the gateway. */
const CODE_REQUESTS = { burst: 20, everyMs: 60_000 }

export interface SignInDeps {
  store: Store
  account: Account
  link: Link
  clock: Clock
  log: Log
  onEvent(type: EventName, fields: Record<string, unknown>): void
}

/**
 * The ways to an account: one dialogue at a time on a connection of its own, or a token that is
 * adopted. Whoever ends one of them wins over what is still under way in it (RC1–RC5).
 */
export class SignIn {
  readonly #deps: SignInDeps
  #dialogue: { on: MaxConnection; steps: LoginDialogue } | undefined
  /** The dialogue whose connection is being made: everybody who asks meanwhile shares it. */
  #beginning: Promise<LoginDialogue> | undefined
  #adopting = false
  readonly #guesses = new Attempts(GUESSES)
  readonly #codeRequests = new Attempts(CODE_REQUESTS)

  constructor(deps: SignInDeps) {
    this.#deps = deps
  }

  /** The dialogue that runs, or a new one. */
  async begin(): Promise<LoginDialogue> {
    if (this.#deps.account.exists) throw new GatewayError('ALREADY_LOGGED_IN')
    if (this.#adopting) throw new GatewayError('CONFLICT', 'a token is just being adopted')
    if (this.#dialogue?.on.isOpen) return this.#dialogue.steps
    this.#beginning ??= this.#open().finally(() => {
      this.#beginning = undefined
    })
    return this.#beginning
  }

  /** @throws {GatewayError} NO_PENDING_LOGIN when none runs. */
  running(): LoginDialogue {
    if (this.#dialogue?.on.isOpen) return this.#dialogue.steps
    throw new GatewayError('NO_PENDING_LOGIN')
  }

  /** A step that sends somebody an SMS. */
  async askForCode(ask: () => Promise<LoginStep>): Promise<LoginStep> {
    this.#count(this.#codeRequests)
    return ask()
  }

  /** A step that tries a code or password; only wrong ones count. */
  async guess(attempt: (steps: LoginDialogue) => Promise<LoginStep>): Promise<LoginStep> {
    const steps = this.running()
    this.#count(this.#guesses)
    try {
      const step = await attempt(steps)
      this.#guesses.giveBack('', this.#deps.clock.now())
      return step
    } catch (error) {
      const code = error instanceof GatewayError ? error.code : undefined
      const isWrong = code === 'CODE_WRONG' || code === 'PASSWORD_WRONG'
      if (!isWrong) this.#guesses.giveBack('', this.#deps.clock.now())
      throw error
    }
  }

  #count(attempts: Attempts): void {
    const retryAfterMs = attempts.take('', this.#deps.clock.now())
    if (retryAfterMs > 0) throw new GatewayError('TOO_MANY_ATTEMPTS', undefined, { retryAfterMs })
  }

  get isRunning(): boolean {
    return this.#dialogue !== undefined || this.#beginning !== undefined
  }

  /** Ends the dialogue without an outcome. */
  end(): void {
    this.#dialogue?.steps.dispose()
    this.#dialogue = undefined
  }

  /** Takes over a token that was made elsewhere; one that does not work leaves no trace. */
  async adopt(token: string, deviceId: string | undefined): Promise<LoginStep> {
    const { account, link, store } = this.#deps
    if (account.exists) throw new GatewayError('ALREADY_LOGGED_IN')
    if (this.#adopting || this.#beginning) {
      throw new GatewayError('CONFLICT', 'another login is just beginning')
    }
    this.#adopting = true
    this.end()
    const ownDevice = account.deviceId
    if (deviceId !== undefined) account.deviceId = deviceId
    try {
      return await this.#take(await link.dial(), token)
    } catch (error) {
      account.deviceId = ownDevice
      account.forget()
      store.set('wanted', 'offline')
      link.hangUp('adoption failed')
      link.rest()
      throw error
    } finally {
      this.#adopting = false
    }
  }

  async #open(): Promise<LoginDialogue> {
    const { store, link, clock, log, onEvent } = this.#deps
    this.end()
    store.delete('stopped')
    const on = await link.dial()
    const steps: LoginDialogue = new LoginDialogue({
      clock,
      log,
      call: async (opcode, payload) => {
        try {
          return await on.call(opcode, payload)
        } catch (error) {
          // Nothing else watches this connection: one silence is enough to begin anew.
          if (error instanceof GatewayError && error.code === 'MAX_TIMEOUT') on.close('no answer')
          throw error
        }
      },
      onState: (state) => {
        if (this.#dialogue?.steps === steps) link.to(state)
      },
      onEvent,
      onToken: (token) => this.#finish(on, token),
    })
    this.#dialogue = { on, steps }
    return steps
  }

  /** A fresh token of a dialogue: keep it, then come online with it, at once or a little later. */
  async #finish(connection: MaxConnection, token: string): Promise<LoginStep> {
    const { link, account } = this.#deps
    this.#dialogue = undefined
    try {
      return await this.#take(connection, token)
    } catch (error) {
      const current = link.connection
      if (current !== undefined && current !== connection) throw error
      // The login itself is done; a connection that breaks now is like any other. Unless it was
      // called off meanwhile: then there is nothing to come back to.
      link.recover(error)
      if (link.state.name !== 'waiting') throw error
      return { step: 'done', maxUserID: account.userId, token }
    }
  }

  async #take(connection: MaxConnection, token: string): Promise<LoginStep> {
    const { store, account, link } = this.#deps
    await account.take(token, () => link.requireOwn(connection))
    store.set('wanted', 'online')
    const current = await link.logIn(connection, token, true)
    return { step: 'done', maxUserID: account.userId, token: current }
  }
}
