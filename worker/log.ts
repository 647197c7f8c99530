import { DrizzleQueryError } from 'drizzle-orm/errors'

/** The parts of a thrown value that help to find the fault, as fields of a log line. */
export const describeError = (error: unknown): Record<string, unknown> => {
  if (!(error instanceof Error)) return { error: typeof error }
  // Its message, and with it its stack, holds the parameters: names, webhook URLs, token hashes.
  if (error instanceof DrizzleQueryError) return { query: error.query, ...causeOf(error) }
  return { error: String(error), stack: error.stack, ...causeOf(error) }
}

const causeOf = ({ cause }: Error): { cause?: string } => {
  if (cause === undefined) return {}
  return { cause: cause instanceof DrizzleQueryError ? String(cause.cause) : String(cause) }
}
