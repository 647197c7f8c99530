import { GatewayError } from '../schema/errors.ts'
import { isHarmless, type Opcode } from '../schema/opcodes.ts'
import type {
  OutgoingMessage,
  SendPatience,
  SentMessage,
  SessionPort,
} from '../schema/session-port.ts'
import type { WireMap } from '../schema/wire.ts'
import { mayHaveActed } from './connection.ts'
import type { Attempt } from './idempotency.ts'
import type { SendOptions, TakenMessage } from './outgoing.ts'

/** What the session offers to a run, beyond what a row sees of it. */
export interface RunSession extends SessionPort {
  take(message: OutgoingMessage, options?: SendOptions): TakenMessage
}

export interface RunOptions {
  /** The Idempotency-Key it runs under, if any. */
  attempt?: Attempt | undefined
  /** How long its messages may wait for the session. */
  queueMs?: number | undefined
}

/** The session as one run of an operation sees it, and what the run did to MAX so far. */
export class RunScope {
  readonly port: SessionPort
  /** Our id of the first message, as soon as it is written down. */
  readonly accepted: Promise<string>
  readonly #session: RunSession
  readonly #attempt: Attempt | undefined
  readonly #queueMs: number | undefined
  #accept: (id: string) => void = () => {}
  #wrote = false
  /** The last failure of a request that changes nothing. */
  #harmlessFailure: unknown

  constructor(session: RunSession, { attempt, queueMs }: RunOptions = {}) {
    this.#session = session
    this.#attempt = attempt
    this.#queueMs = queueMs
    this.accepted = new Promise((resolve) => {
      this.#accept = resolve
    })
    this.port = overlay<SessionPort>(session, {
      call: (opcode, payload) => this.#call(opcode, payload),
      send: (message, patience) => this.#send(message, patience),
      newCid: () => attempt?.cid() ?? session.newCid(),
    })
  }

  /**
   * The error as the caller must hear it: where something may have been written, silence means that
   * nobody knows what came of it.
   */
  told(error: unknown): unknown {
    if (!(error instanceof GatewayError)) return error
    if (error.code !== 'MAX_TIMEOUT' && error.code !== 'NOT_CONNECTED') return error
    const inDoubt = this.#wrote || (mayHaveActed(error) && error !== this.#harmlessFailure)
    return inDoubt ? new GatewayError('OUTCOME_UNKNOWN', undefined, { cause: error }) : error
  }

  async #call(opcode: Opcode, payload: WireMap): Promise<WireMap> {
    if (isHarmless(opcode)) {
      try {
        return await this.#session.call(opcode, payload)
      } catch (error) {
        this.#harmlessFailure = error
        throw error
      }
    }
    const takeBack = this.#attempt?.write()
    try {
      const reply = await this.#session.call(opcode, payload)
      this.#wrote = true
      return reply
    } catch (error) {
      if (didNothing(error)) takeBack?.()
      throw error
    }
  }

  async #send(message: OutgoingMessage, patience?: SendPatience): Promise<SentMessage> {
    const cid = this.#attempt?.cid()
    const { id, outcome } = this.#session.take(message, {
      ...patience,
      ...(cid === undefined ? {} : { cid }),
      ...(this.#queueMs === undefined ? {} : { queueMs: this.#queueMs }),
    })
    this.#accept(id)
    const sent = await outcome
    this.#wrote = true
    return sent
  }
}

/** Whether it is certain that MAX did not do what failed with this error. */
const didNothing = (error: unknown): boolean => {
  if (!(error instanceof GatewayError)) return false
  if (error.data.maxError !== undefined) return true
  return error.code === 'NOT_CONNECTED' && !mayHaveActed(error)
}

/** An object that answers for another one, but for some members. */
const overlay = <Target extends object>(target: Target, own: Partial<Target>): Target =>
  new Proxy(target, {
    get: (_, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name)
      // The target, not the proxy, is what its members must see as `this`: private fields are there.
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
