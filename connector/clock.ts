/** Time and chance as arguments, so that tests own both. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number
  /** Runs `task` once after `delayMs`; the returned function cancels it and may be called twice. */
  after(delayMs: number, task: () => void): () => void
}

/** Uniform in [0, 1). */
export type Random = () => number

/** One structured line. Fields never hold tokens, phone numbers, message text or URLs with credentials. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

/**
 * A clock whose timers share one timer of the host. Nearly every deadline is met and so cancelled;
 * arming and clearing a timer of the runtime for each would cost more than the work it guards.
 */
export const sharedTimer = (clock: Clock): Clock => {
  const tasks = new Map<number, { at: number; task: () => void }>()
  let nextId = 0
  let armedFor = Number.POSITIVE_INFINITY
  let disarm: () => void = () => {}

  const arm = (at: number): void => {
    disarm()
    armedFor = at
    disarm = clock.after(Math.max(0, at - clock.now()), ring)
  }
  const ring = (): void => {
    armedFor = Number.POSITIVE_INFINITY
    const now = clock.now()
    const due = [...tasks].filter(([, { at }]) => at <= now).sort(([, a], [, b]) => a.at - b.at)
    try {
      for (const [id, { task }] of due) {
        // An earlier task of this round may have cancelled it.
        if (tasks.delete(id)) task()
      }
    } finally {
      // Also when a task throws: the others must not wait for the next one to be added.
      let earliest = Number.POSITIVE_INFINITY
      for (const { at } of tasks.values()) earliest = Math.min(earliest, at)
      if (earliest < armedFor) arm(earliest)
    }
  }
  return {
    now: () => clock.now(),
    after: (delayMs, task) => {
      const id = nextId++
      const at = clock.now() + delayMs
      tasks.set(id, { at, task })
      if (at < armedFor) arm(at)
      return () => void tasks.delete(id)
    },
  }
}
