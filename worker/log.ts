/** The parts of a thrown value that help to find the fault, as fields of a log line. */
export const describeError = (error: unknown): Record<string, unknown> => {
  if (!(error instanceof Error)) return { error: typeof error }
  const { stack, cause } = error
  return { error: String(error), stack, ...(cause === undefined ? {} : { cause: String(cause) }) }
}
