import type { Message } from './records.ts'
import type { Rows } from './storage.ts'

/** A message that waits for its time: not part of the chat's history yet, and seen by its author alone. */
export interface Delayed {
  /** Its id is replaced when it is sent: the id of a message tells when that was. */
  readonly message: Message
  fireAt: number
  notifySender: boolean
  /** It could not be sent when its time came. */
  failed?: true
}

/** The scheduled messages of everybody (operations-and-events.md §3.1, §6.1). */
export class DelayedQueue {
  readonly #rows: Rows
  readonly #byId = new Map<bigint, Delayed>()
  /** Called whenever the time of the next one may have changed. */
  onChange: () => void = () => {}

  constructor(rows: Rows) {
    this.#rows = rows
  }

  save(delayed: Delayed): void {
    this.#byId.set(delayed.message.id, delayed)
    this.#rows.put(`delayed/${delayed.message.id}`, delayed)
    this.onChange()
  }

  remove({ message }: Delayed): void {
    this.#byId.delete(message.id)
    this.#rows.delete(`delayed/${message.id}`)
    this.onChange()
  }

  restore(delayed: Delayed): void {
    this.#byId.set(delayed.message.id, delayed)
  }

  /** An item of one person; nobody else can see it. */
  find(userId: number, id: bigint): Delayed | undefined {
    const delayed = this.#byId.get(id)
    return delayed?.message.senderId === userId ? delayed : undefined
  }

  /** What a person has scheduled in a chat, the next one first. */
  of(userId: number, chatKey: string): Delayed[] {
    return [...this.#byId.values()]
      .filter(({ message }) => message.senderId === userId && message.chatKey === chatKey)
      .sort((a, b) => a.fireAt - b.fireAt)
  }

  /** When the next one is due. */
  get nextAt(): number | undefined {
    const times = [...this.#byId.values()].flatMap(({ fireAt, failed }) => (failed ? [] : [fireAt]))
    return times.length === 0 ? undefined : Math.min(...times)
  }

  due(now: number): Delayed[] {
    return [...this.#byId.values()]
      .filter(({ fireAt, failed }) => fireAt <= now && !failed)
      .sort((a, b) => a.fireAt - b.fireAt)
  }
}
