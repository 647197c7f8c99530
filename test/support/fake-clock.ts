import type { Clock } from '../../connector/clock.ts'

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  #now: number
  #timers = new Map<number, { at: number; task: () => void }>()
  #nextId = 0

  constructor(now = 1_790_000_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, task: () => void): () => void {
    const id = this.#nextId++
    this.#timers.set(id, { at: this.#now + delayMs, task })
    return () => this.#timers.delete(id)
  }

  /** Timers that were neither run nor cancelled. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** What a correction of the machine's clock does: time jumps, timers keep their moments. */
  jump(ms: number): void {
    this.#now += ms
  }

  /** Moves on by `ms`, running due timers in order; promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const due = [...this.#timers]
        .filter(([, timer]) => timer.at <= end)
        .sort(([idA, a], [idB, b]) => a.at - b.at || idA - idB)[0]
      if (due === undefined) break
      this.#timers.delete(due[0])
      this.#now = Math.max(this.#now, due[1].at)
      due[1].task()
      await settle()
    }
    this.#now = end
    await settle()
  }
}

/** Lets everything that is only waiting for promises run. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve()
}
