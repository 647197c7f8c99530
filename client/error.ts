import type { ErrorCode, MaxError } from '../schema/errors.ts'

/** What the gateway answers beside a success. */
export interface ErrorBody {
  error?: string
  code?: ErrorCode
  requestId?: string
  field?: string
  maxError?: MaxError
  details?: Record<string, unknown>
}

/** A stable code of the gateway; `NETWORK` and `TIMEOUT` when no answer came. */
export type ClientErrorCode = ErrorCode | 'NETWORK' | 'TIMEOUT' | 'UNREADABLE'

/** An answer that is no success, or none at all. */
export class MaxApiError extends Error {
  readonly code: ClientErrorCode
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  readonly requestId: string | undefined
  /** Path of the offending field. */
  readonly field: string | undefined
  /** MAX's own refusal. */
  readonly maxError: MaxError | undefined
  readonly details: Record<string, unknown> | undefined
  readonly retryAfterMs: number | undefined

  constructor(
    status: number,
    {
      code,
      error,
      requestId,
      field,
      maxError,
      details,
    }: Omit<ErrorBody, 'code'> & { code?: ClientErrorCode },
    more: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(error ?? `the gateway answered ${status}`, { cause: more.cause })
    this.name = 'MaxApiError'
    this.status = status
    this.code = code ?? 'UNREADABLE'
    this.requestId = requestId
    this.field = field
    this.maxError = maxError
    this.details = details
    this.retryAfterMs = more.retryAfterMs
  }
}
