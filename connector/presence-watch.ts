import { GatewayError } from '../schema/errors.ts'
import type { IdValue } from '../schema/ids.ts'
import { Opcode } from '../schema/opcodes.ts'
import { publicPresence } from '../schema/presence.ts'
import type { PresencePort } from '../schema/session-port.ts'
import {
  asIdString,
  asMap,
  isWireMap,
  type WireMap,
  type WireValue,
  wireId,
} from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import type { Store } from './store.ts'

const POLL_EVERY_MS = 60_000
const FOLLOWED_AT_MOST = 100

export interface PresenceWatchDeps {
  store: Store
  clock: Clock
  log: Log
  isOnline(): boolean
  call(opcode: Opcode, payload: WireMap): Promise<WireMap>
  /** Somebody followed came or went, and no push of MAX said so. */
  onChange(userId: string, presence: WireMap): void
}

/**
 * Follows people's presence: MAX has no subscription for it, so everybody followed is asked about in one
 * request a minute, and what differs from the last word is news (PW1).
 */
export class PresenceWatch implements PresencePort {
  readonly #deps: PresenceWatchDeps
  #lastPoll = 0
  #isAsking = false

  constructor(deps: PresenceWatchDeps) {
    this.#deps = deps
  }

  followed(): string[] {
    return Object.keys(this.#following)
  }

  follow(userIds: readonly IdValue[], told: WireMap): void {
    const following = { ...this.#following }
    for (const id of userIds) following[String(id)] = asMap(told[String(id)])
    if (Object.keys(following).length > FOLLOWED_AT_MOST) {
      const text = `at most ${FOLLOWED_AT_MOST} people can be followed at a time`
      throw new GatewayError('CONFLICT', text)
    }
    this.#deps.store.set('following', following)
  }

  unfollow(userIds: readonly IdValue[]): void {
    const following = { ...this.#following }
    for (const id of userIds) delete following[String(id)]
    this.#deps.store.set('following', following)
  }

  /** A push told it: the next poll has nothing to add. */
  noticed(userId: WireValue, presence: WireValue): void {
    const id = asIdString(userId)
    if (id !== undefined && isWireMap(presence)) this.#keep(id, presence)
  }

  /** Asks when a minute has passed. */
  tick(): void {
    const { clock, log, isOnline } = this.#deps
    const isDue = clock.now() - this.#lastPoll >= POLL_EVERY_MS
    if (!isDue || this.#isAsking || !isOnline() || this.followed().length === 0) return
    this.#lastPoll = clock.now()
    this.#isAsking = true
    this.#poll()
      .catch((error: unknown) => log('info', 'presence not told', { error: String(error) }))
      .finally(() => {
        this.#isAsking = false
      })
  }

  async #poll(): Promise<void> {
    const contactIds = this.followed().map(wireId)
    const reply = await this.#deps.call(Opcode.CONTACT_PRESENCE, { contactIds })
    for (const [id, value] of Object.entries(asMap(reply.presence))) {
      const presence = asMap(value)
      if (this.#keep(id, presence)) this.#deps.onChange(id, presence)
    }
  }

  /** @returns whether it is news about somebody followed */
  #keep(id: string, presence: WireMap): boolean {
    const before = this.#following[id]
    if (before === undefined || wordOf(id, before) === wordOf(id, presence)) return false
    this.#deps.store.set('following', { ...this.#following, [id]: presence })
    return true
  }

  get #following(): Record<string, WireMap> {
    return this.#deps.store.get('following') ?? {}
  }
}

/** What counts as a change: who is online is seen all the time. */
const wordOf = (id: string, presence: WireMap): string => {
  const { online, lastSeen } = publicPresence(id, presence)
  return online ? 'online' : `seen ${lastSeen} ${presence.status ?? 0}`
}
