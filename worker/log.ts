/** Where the edge reports what an operator should know. Never a token, a phone number or a text. */
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void
export type LogLevel = 'info' | 'warn' | 'error'

export const logFormats = ['json', 'console', 'off'] as const
export type LogFormat = (typeof logFormats)[number]

/** A log that writes one line per entry: an object for machines, or text for a terminal. */
export const createLog = (format: LogFormat): Log => {
  if (format === 'off') return () => {}
  return (level, event, fields = {}) => {
    const line =
      format === 'json'
        ? JSON.stringify({ level, event, ...fields })
        : [level.toUpperCase(), event, ...Object.entries(fields).map(pair)].join(' ')
    // biome-ignore lint/suspicious/noConsole: in a Worker the console is the log
    console[level](line)
  }
}

const pair = ([name, value]: [string, unknown]): string => `${name}=${JSON.stringify(value)}`

/** The parts of a thrown value that help to find the fault. */
export const describeError = (error: unknown): Record<string, unknown> => {
  if (!(error instanceof Error)) return { error: typeof error }
  const { name, message, stack, cause } = error
  return { error: name, message, stack, ...(cause === undefined ? {} : { cause: String(cause) }) }
}
