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
