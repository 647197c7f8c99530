import { chatOf, type EventName, eventsOfPush } from '../schema/events.ts'
import { Opcode } from '../schema/opcodes.ts'
import { stringifyWithoutSecrets } from '../schema/secrets.ts'
import { asIdString, asMap, type Frame, type WireMap } from '../schema/wire.ts'
import type { Clock } from './clock.ts'
import { newEventId } from './event-id.ts'
import type { KnownMessages } from './known-messages.ts'
import { laneOf } from './lane.ts'
import type { LoggedEvent, Store } from './store.ts'

export interface EventLogDeps {
  store: Store
  clock: Clock
  known: KnownMessages
  /**
   * Called right after the event of a new or edited message, in the same turn. Called for an event that
   * was there already too: what it began may not have been finished.
   */
  onMessage?(chatId: string, message: WireMap): void
  /** Called after an event became durable, in the order of the log. */
  onAppended(event: LoggedEvent): void
  /** Called when the journal alone has an event, and no older one waits there. */
  onUnsettled?(): void
}

/** Where an event belongs. */
export interface EventPlace {
  /** Chat whose order it keeps. */
  chatId?: string
  /** An event with the same key is stored once. */
  dedupeKey?: string
}

/**
 * The writing end of the event log. A body is rendered once and stored as text: every reader, retry
 * and signature uses the same bytes. Fields that are named like a secret are never part of one (EV2).
 */
export class EventLog {
  readonly #deps: EventLogDeps
  /** Stored in the journal, and perhaps not on disk yet. */
  #unannounced: LoggedEvent[] = []

  constructor(deps: EventLogDeps) {
    this.#deps = deps
  }

  /**
   * Stores what a push stands for, as `push` does, in the journal where there is one: the caller must do
   * nothing in the same turn that has to be on disk with the event or not at all.
   * @returns when the push may be acknowledged; `undefined` = now. Rejects when it could not be stored.
   */
  receive(push: Pick<Frame, 'opcode' | 'payload'>): Promise<void> | undefined {
    const { store } = this.#deps
    const wasSettled = store.stored === undefined
    this.#take(push, { catchUp: false, isJournaled: true })
    const { stored, lastSequence } = store
    if (stored === undefined) {
      this.#announce(lastSequence)
      return undefined
    }
    if (wasSettled) this.#deps.onUnsettled?.()
    // What the journal does not write goes into the object's own transaction.
    return stored.catch(() => store.settle()).then(() => this.#announce(lastSequence))
  }

  /**
   * Stores what a push stands for, and how far its chat is known with it. When this returns, the push
   * may be acknowledged. What this gateway sent itself is no event: `MessageStatus` tells of it.
   * @param catchUp it was not pushed but read afterwards
   */
  push(push: Pick<Frame, 'opcode' | 'payload'>, catchUp = false): void {
    this.#take(push, { catchUp, isJournaled: false })
  }

  #take(
    { opcode, payload }: Pick<Frame, 'opcode' | 'payload'>,
    { catchUp, isJournaled }: { catchUp: boolean; isJournaled: boolean },
  ): void {
    const { known, onMessage } = this.#deps
    const map = asMap(payload)
    const message = asMap(map.message)
    const chatId = chatOf(map)
    const messageId = opcode === Opcode.NOTIF_MESSAGE ? asIdString(message.id) : undefined
    const isOwn = message.status === undefined && known.isOwnSend(message)
    let isMarked = false
    // One turn of the object is one transaction. Should a statement fail in the middle, what is there
    // stays and MAX is not answered: it pushes again, and an event that is there is not stored twice.
    for (const { type, fields, ...place } of isOwn ? [] : eventsOfPush(opcode, map, known)) {
      const told = catchUp ? { ...fields, catchUp } : fields
      const isNew = this.#append(type, told, place, isJournaled)
      isMarked ||= isNew && type === 'Message' && place.dedupeKey !== undefined
      const isMessage = type === 'Message' || type === 'MessageEdit'
      if (isMessage && chatId !== undefined) onMessage?.(chatId, message)
    }
    if (isMarked || chatId === undefined || messageId === undefined) return
    known.raise(chatId, BigInt(messageId))
  }

  /** Stores an event of the gateway itself; its fields stand at the top level, as they always did. */
  own(type: EventName, fields: Record<string, unknown> = {}, place: EventPlace = {}): void {
    this.#append(type, fields, place)
  }

  /** @returns false for an event that is there already */
  #append(
    type: EventName,
    fields: Record<string, unknown>,
    place: EventPlace,
    isJournaled = false,
  ): boolean {
    const { store, clock } = this.#deps
    const config = store.get('config')
    const createdAt = clock.now()
    const facts = { type, lane: laneOf(place.chatId), createdAt, ...place }
    const render = (sequence: number) => {
      const id = newEventId(sequence)
      const body = stringifyWithoutSecrets({
        id,
        sequence,
        type,
        timestamp: new Date(createdAt).toISOString(),
        ...fields,
        userID: config?.id,
        instanceID: config?.id,
        instanceName: config?.name,
        eventTimestamp: Math.floor(createdAt / 1000),
      })
      return { id, body }
    }
    const event = store.appendEvent(facts, render, isJournaled)
    if (event === undefined) return false
    this.#unannounced.push(event)
    if (!isJournaled) this.#announce(event.sequence)
    return true
  }

  /** Tells of events up to this one, which are on disk, or go there with this turn's transaction. */
  #announce(through: number): void {
    for (;;) {
      const [event] = this.#unannounced
      if (event === undefined || event.sequence > through) return
      this.#unannounced.shift()
      this.#deps.onAppended(event)
    }
  }
}
