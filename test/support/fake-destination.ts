import { Delivery, type DeliveryDeps } from '../../connector/delivery.ts'
import { DeliveryStore } from '../../connector/delivery-store.ts'
import type {
  AttemptFacts,
  Batching,
  DeliveryOrder,
  Destination,
  EventFacts,
  Events,
  Outcome,
} from '../../connector/destination.ts'
import { laneOf } from '../../connector/lane.ts'
import { migrate } from '../../connector/migrations.ts'
import { type LoggedEvent, Store } from '../../connector/store.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { nodeSql } from './node-sql.ts'

export interface SeenAttempt {
  ids: string[]
  attempt: number
  replay: boolean
  at: number
  outcome?: Outcome['kind']
}

/** The delivery between a start and a crash. */
export interface Life {
  store: Store
  delivery: Delivery
}

/** A receiver whose answers the test scripts; what it got is in `received`. */
export class FakeDestination implements Destination {
  readonly id: string
  url = 'https://example.com/hook'
  order: DeliveryOrder = 'chat'
  batch?: Batching
  scheduleMs?: readonly number[]
  givesUp?: boolean
  paused = false
  /** Ids of the events it took, in order of arrival, repeated ones too. */
  readonly received: string[] = []
  readonly attempts: SeenAttempt[] = []
  answer: (event: LoggedEvent, facts: AttemptFacts) => Outcome | Promise<Outcome> = () => ({
    kind: 'delivered',
  })
  inFlight = 0
  mostInFlight = 0
  readonly #clock: FakeClock

  constructor(id: string, clock: FakeClock, settings: Partial<Destination> = {}) {
    this.id = id
    this.#clock = clock
    Object.assign(this, settings)
  }

  wants({ type }: EventFacts): boolean {
    return type !== 'Unwanted'
  }

  async deliver(events: Events, facts: AttemptFacts): Promise<Outcome> {
    const ids = events.map(({ id }) => id)
    const seen: SeenAttempt = { ids, ...facts, at: this.#clock.now() }
    this.attempts.push(seen)
    this.inFlight += 1
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    try {
      const outcome = await this.answer(events[0], facts)
      seen.outcome = outcome.kind
      if (outcome.kind === 'delivered') this.received.push(...ids)
      return outcome
    } finally {
      this.inFlight -= 1
    }
  }
}

/** Lets time pass; the object's alarm rings whenever the delivery asked for it. */
export const pass = async (clock: FakeClock, delivery: Delivery, ms: number): Promise<void> => {
  const end = clock.now() + ms
  while (clock.now() < end) {
    const next = delivery.nextAt() ?? end
    await clock.advance(Math.max(1, Math.min(next, end) - clock.now()))
    delivery.kick()
    await settle()
  }
}

/** A delivery over a database in memory that can be lost and opened again. */
export const createDelivery = ({
  random = () => 0.5,
  log = () => {},
}: Partial<Pick<DeliveryDeps, 'random' | 'log'>> = {}) => {
  const sql = nodeSql()
  migrate(sql)
  const clock = new FakeClock()
  const disabled: { id: string; reason: string }[] = []
  let life = { isOver: false }
  /** What a SIGKILL leaves: the database. No timer of before runs, nothing more is written. */
  const restart = () => {
    life.isOver = true
    const own = { isOver: false }
    life = own
    const store = new Store(sql)
    const delivery = new Delivery({
      store: new DeliveryStore({
        all: (statement, ...values) => (own.isOver ? [] : sql.all(statement, ...values)),
        transaction: (work) => sql.transaction(work),
      }),
      events: store,
      clock: {
        now: () => clock.now(),
        after: (delayMs, task) => clock.after(delayMs, () => own.isOver || task()),
      },
      random,
      log: (...line) => own.isOver || log(...line),
      onDisabled: ({ id }, reason) => own.isOver || disabled.push({ id, reason }),
      onWait: () => {},
    })
    return { store, delivery }
  }
  const world = { sql, clock, disabled, rows: new DeliveryStore(sql), restart, ...restart() }
  /** Appends as the event log does: the delivery hears of it in the same turn. */
  const append = (id: string, chat = 'chat', type = 'Message', to: Life = world) => {
    const event = to.store.appendEvent(
      { type, lane: laneOf(chat), chatId: chat, createdAt: clock.now() },
      (sequence) => ({ id, body: `{"id":"${id}","sequence":${sequence}}` }),
    )
    if (event === undefined) throw new Error('appended twice')
    to.delivery.appended(event)
    return event
  }
  return { ...world, append }
}
