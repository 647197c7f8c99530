/**
 * Every error code a caller can meet: its HTTP status, whether trying again can help, and what it
 * means. Codes are stable; texts may change.
 */
export const errors = {
  INVALID_INPUT: {
    status: 400,
    retry: false,
    meaning: 'A field is missing or has the wrong form.',
  },
  INVALID_JSON: { status: 400, retry: false, meaning: 'The body is not valid JSON.' },
  NO_PENDING_LOGIN: {
    status: 400,
    retry: false,
    meaning: 'This step needs a login that was begun before: request a code or a QR first.',
  },
  LOGIN_REQUIRED: {
    status: 400,
    retry: false,
    meaning: 'The tenant has no MAX account yet: log in by QR, SMS or token first.',
  },
  CODE_WRONG: { status: 400, retry: false, meaning: 'The SMS code is wrong: enter it again.' },
  CODE_EXPIRED: {
    status: 400,
    retry: false,
    meaning: 'The SMS code is too old: ask for a new one.',
  },
  PASSWORD_WRONG: {
    status: 400,
    retry: false,
    meaning: 'The cloud password is wrong: enter it again.',
  },
  PHONE_REFUSED: { status: 400, retry: false, meaning: 'MAX does not accept this phone number.' },
  UNAUTHORIZED: { status: 401, retry: false, meaning: 'The API token is missing or not valid.' },
  FORBIDDEN: { status: 403, retry: false, meaning: 'MAX or the gateway forbids this.' },
  CAPTCHA_REQUIRED: {
    status: 403,
    retry: false,
    meaning: 'MAX wants a person to solve a captcha. Log in by QR instead, or open the given link.',
  },
  ACCOUNT_BLOCKED: { status: 403, retry: false, meaning: 'MAX has blocked this account.' },
  NOT_FOUND: { status: 404, retry: false, meaning: 'There is no such path or object.' },
  METHOD_NOT_ALLOWED: { status: 405, retry: false, meaning: 'The path exists with other methods.' },
  ALREADY_LOGGED_IN: {
    status: 409,
    retry: false,
    meaning: 'The tenant already has a MAX account: log out first.',
  },
  CONFLICT: { status: 409, retry: false, meaning: 'The request does not fit the present state.' },
  IN_PROGRESS: {
    status: 409,
    retry: true,
    meaning: 'A request with the same Idempotency-Key is still running.',
  },
  EXPIRED: {
    status: 410,
    retry: false,
    meaning: 'The message could not leave in time and was dropped.',
  },
  EVENTS_GONE: {
    status: 410,
    retry: false,
    meaning: 'The log no longer has the events after this place; `details.oldest` is the oldest.',
  },
  LINK_EXPIRED: {
    status: 410,
    retry: false,
    meaning: 'The time of this link is over.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    retry: false,
    meaning: 'The body is larger than this path allows.',
  },
  UNSUPPORTED_MEDIA: {
    status: 415,
    retry: false,
    meaning: 'The file is of a type that this operation or MAX does not take.',
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    retry: false,
    meaning: 'The file has no bytes in this range; `Content-Range` has its size.',
  },
  SOURCE_FAILED: {
    status: 422,
    retry: false,
    meaning: 'The file to send could not be read where it was said to be; nothing was sent.',
  },
  STORAGE_FAILED: {
    status: 422,
    retry: true,
    meaning: "The tenant's storage refused or could not be reached; `details` has its own code.",
  },
  MAX_REFUSED: {
    status: 422,
    retry: false,
    meaning: 'MAX refused the operation; `maxError` has its own words.',
  },
  NOT_SUPPORTED: {
    status: 422,
    retry: false,
    meaning:
      'A setting of older versions that this gateway does not have; the text says what to do.',
  },
  IDEMPOTENCY_MISMATCH: {
    status: 422,
    retry: false,
    meaning: 'The Idempotency-Key was used before with another body.',
  },
  ATTEMPTS_EXHAUSTED: {
    status: 429,
    retry: false,
    meaning: 'MAX allows no further attempts now: start over later.',
  },
  TOO_MANY_ATTEMPTS: {
    status: 429,
    retry: true,
    meaning: 'Too many wrong tokens, codes or passwords: the gateway makes the next attempt wait.',
  },
  RATE_LIMITED: { status: 429, retry: true, meaning: 'MAX asks to slow down.' },
  INTERNAL_ERROR: { status: 500, retry: true, meaning: 'The gateway failed; the fault is ours.' },
  BAD_UPSTREAM: { status: 502, retry: true, meaning: 'MAX answered something we cannot read.' },
  TRANSFER_FAILED: {
    status: 502,
    retry: true,
    meaning: "The transfer to or from MAX's media servers broke off; nothing was sent.",
  },
  OVERLOADED: {
    status: 503,
    retry: true,
    meaning: 'Too many files pass through the gateway at this moment.',
  },
  NOT_CONNECTED: { status: 503, retry: true, meaning: 'The session is offline right now.' },
  DEGRADED: {
    status: 503,
    retry: true,
    meaning: 'The gateway cannot work right now: its database does not answer.',
  },
  MAX_UNAVAILABLE: { status: 503, retry: true, meaning: 'MAX has trouble on its side.' },
  MAX_TIMEOUT: {
    status: 504,
    retry: true,
    meaning: 'MAX did not answer in time; nothing changed.',
  },
  OUTCOME_UNKNOWN: {
    status: 504,
    retry: false,
    meaning: 'The request left, but no answer says what came of it: look before you repeat it.',
  },
} as const satisfies Record<string, ErrorRow>

interface ErrorRow {
  status: number
  retry: boolean
  meaning: string
}
export type ErrorCode = keyof typeof errors

/** MAX's own refusal, passed on unchanged. */
export interface MaxError {
  code?: string
  message?: string
  localizedMessage?: string
  title?: string
  description?: string
}

/** An error as data: this is what crosses RPC and, minus nothing secret, what a caller sees. */
export interface ErrorData {
  code: ErrorCode
  message: string
  /** Path of the offending field, e.g. `userIds.0`. */
  field?: string
  maxError?: MaxError
  retryAfterMs?: number
  /** Further facts for the caller, e.g. `{ link }` of a captcha. Never a secret. */
  details?: Record<string, unknown>
}

/** Success or failure as data. Classes do not survive Durable Object RPC; this does. */
export type Result<T> = { ok: true; data: T } | { ok: false; error: ErrorData }

/** The one error class that code in all rooms throws on purpose. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly data: ErrorData

  constructor(code: ErrorCode, message?: string, extra: GatewayErrorOptions = {}) {
    super(message ?? errors[code].meaning, { cause: extra.cause })
    this.name = 'GatewayError'
    this.code = code
    const { cause: _cause, ...rest } = extra
    this.data = { code, message: this.message, ...rest }
  }
}
export type GatewayErrorOptions = Omit<ErrorData, 'code' | 'message'> & { cause?: unknown }

/** Any thrown value as data. What we did not throw on purpose tells the caller nothing of its inside. */
export const toErrorData = (error: unknown): ErrorData =>
  error instanceof GatewayError
    ? error.data
    : { code: 'INTERNAL_ERROR', message: errors.INTERNAL_ERROR.meaning }
