import { GatewayError } from '../schema/errors.ts'
import { isHarmless } from '../schema/opcodes.ts'
import type { SessionPort } from '../schema/session-port.ts'
import { mayHaveActed } from './connection.ts'

/** The session as one run of an operation sees it, and what the run did to MAX so far. */
export class RunScope {
  readonly port: SessionPort
  #wrote = false
  /** The last failure of a request that changes nothing. */
  #harmlessFailure: unknown

  constructor(session: SessionPort) {
    const call: SessionPort['call'] = (opcode, payload) =>
      this.#watch(opcode, session.call(opcode, payload))
    this.port = overlay(session, { call })
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

  async #watch<T>(opcode: number, answer: Promise<T>): Promise<T> {
    try {
      const reply = await answer
      if (!isHarmless(opcode)) this.#wrote = true
      return reply
    } catch (error) {
      if (isHarmless(opcode)) this.#harmlessFailure = error
      throw error
    }
  }
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
