/** The host cannot run here; the message is one line that tells the operator what to change. */
export class HostError extends Error {}

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined
