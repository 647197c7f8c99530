/** Runs tasks that must not overlap one after the other, in the order they came, by name. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Resolves and rejects as the task does; a failed one does not hold up the next. */
  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve()
    const turn = before.then(task, task)
    this.#last.set(name, turn)
    try {
      return await turn
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name)
    }
  }
}
