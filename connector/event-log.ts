import { classifyPush, type EventName } from '../schema/events.ts'
import { publicValue } from '../schema/ids.ts'
import { stringifyJson } from '../schema/json.ts'
import { asMap, type Frame } from '../schema/wire.ts'
import type { Clock } from './clock.ts'
import { laneOf } from './delivery.ts'
import type { Store } from './store.ts'

export interface EventLogDeps {
  store: Store
  clock: Clock
  /** Called after an event became durable. */
  onAppended(): void
}

/**
 * The writing end of the event log. A body is rendered once and stored as text: every reader, retry
 * and signature uses the same bytes. No secret is ever put into one.
 */
export class EventLog {
  readonly #deps: EventLogDeps

  constructor(deps: EventLogDeps) {
    this.#deps = deps
  }

  /**
   * Stores what a push stands for. When this returns, the push may be acknowledged.
   * @returns false for a push that is no event
   */
  push(frame: Frame): boolean {
    const payload = asMap(frame.payload)
    const event = classifyPush(frame.opcode, payload)
    if (event === undefined) return false
    this.#append(event.type, event.chatId, event.dedupeKey, {
      opcode: frame.opcode,
      event: publicValue(payload),
    })
    return true
  }

  /** Stores an event of the gateway itself; its fields stand at the top level, as they always did. */
  own(type: EventName, fields: Record<string, unknown> = {}): void {
    this.#append(type, undefined, undefined, fields)
  }

  #append(
    type: EventName,
    chatId: string | undefined,
    dedupeKey: string | undefined,
    fields: Record<string, unknown>,
  ): void {
    const { store, clock } = this.#deps
    const config = store.get('config')
    const createdAt = clock.now()
    const id = `evt_${crypto.randomUUID().replaceAll('-', '')}`
    const appended = store.appendEvent(
      {
        id,
        type,
        lane: laneOf(chatId),
        createdAt,
        ...(chatId === undefined ? {} : { chatId }),
        ...(dedupeKey === undefined ? {} : { dedupeKey }),
      },
      (sequence) =>
        stringifyJson({
          id,
          sequence,
          type,
          timestamp: new Date(createdAt).toISOString(),
          ...fields,
          userID: config?.id,
          instanceID: config?.id,
          instanceName: config?.name,
          eventTimestamp: Math.floor(createdAt / 1000),
        }),
    )
    if (appended !== undefined) this.#deps.onAppended()
  }
}
