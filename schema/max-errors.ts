import { type ErrorCode, GatewayError, type MaxError } from './errors.ts'
import { asMap, asString, type WireValue } from './wire.ts'

/**
 * What MAX's error codes mean for us (wire-and-auth.md §11). `session` tells the connection what to do:
 * `stop` = a person must act, never log in again by itself; `relogin` = reconnect and LOGIN once.
 */
interface MaxErrorRow {
  code: ErrorCode
  session?: 'stop' | 'relogin'
  retryAfterMs?: number
}

const table: Record<string, MaxErrorRow> = {
  'login.token': { code: 'LOGIN_REQUIRED', session: 'stop' },
  FAIL_LOGIN_TOKEN: { code: 'LOGIN_REQUIRED', session: 'stop' },
  FAIL_LOGOUT_ALL: { code: 'LOGIN_REQUIRED', session: 'stop' },
  'login.cred': { code: 'LOGIN_REQUIRED', session: 'stop' },
  'login.blocked': { code: 'ACCOUNT_BLOCKED', session: 'stop' },
  'auth.blocked': { code: 'ACCOUNT_BLOCKED', session: 'stop' },
  'error.profile.blocked': { code: 'ACCOUNT_BLOCKED', session: 'stop' },
  'error.profile.suspended': { code: 'ACCOUNT_BLOCKED', session: 'stop' },
  'client.unsupported-version': { code: 'MAX_REFUSED', session: 'stop' },
  'login.flood': { code: 'RATE_LIMITED', session: 'stop', retryAfterMs: 3_600_000 },
  'error.limit.violate': { code: 'ATTEMPTS_EXHAUSTED', session: 'stop' },
  'too.many.requests': { code: 'RATE_LIMITED', retryAfterMs: 60_000 },
  'error.rate_limited': { code: 'RATE_LIMITED', retryAfterMs: 60_000 },
  'session.state': { code: 'NOT_CONNECTED', session: 'relogin' },
  'proto.state': { code: 'NOT_CONNECTED', session: 'relogin' },
  'auth.token.invalid': { code: 'NO_PENDING_LOGIN' },
  'auth.token.expired': { code: 'NO_PENDING_LOGIN' },
  'auth.code.expired': { code: 'CODE_EXPIRED' },
  'phone.wrong': { code: 'PHONE_REFUSED' },
  'error.phone.wrong': { code: 'PHONE_REFUSED' },
  'error.phone.blacklisted': { code: 'PHONE_REFUSED' },
  'phone.not.checked': { code: 'NO_PENDING_LOGIN' },
  'verify.code.wrong': { code: 'CODE_WRONG' },
  'error.code.wrong': { code: 'CODE_WRONG' },
  'verify.code.expired': { code: 'CODE_EXPIRED' },
  'error.code.expired': { code: 'CODE_EXPIRED' },
  'code.limit': { code: 'ATTEMPTS_EXHAUSTED' },
  'error.code.attempt.limit': { code: 'ATTEMPTS_EXHAUSTED' },
  'track.not.found': { code: 'NO_PENDING_LOGIN' },
  'password2fa.wrong': { code: 'PASSWORD_WRONG' },
  FAIL_WRONG_PASSWORD: { code: 'PASSWORD_WRONG' },
  'password.invalid': { code: 'INVALID_INPUT' },
  'password2fa.no.attempts': { code: 'ATTEMPTS_EXHAUSTED' },
  'password2fa.track.invalid': { code: 'NO_PENDING_LOGIN' },
  'service.unavailable': { code: 'MAX_UNAVAILABLE' },
  'service.timeout': { code: 'MAX_UNAVAILABLE' },
  'errors.event.unavailable': { code: 'MAX_UNAVAILABLE' },
  internal: { code: 'MAX_UNAVAILABLE' },
  'folder.validation.title.too-long': { code: 'INVALID_INPUT' },
  'not.found': { code: 'NOT_FOUND' },
  'user.not.found': { code: 'NOT_FOUND' },
  'chat.not.found': { code: 'NOT_FOUND' },
  'error.message.chat.access': { code: 'FORBIDDEN' },
  FAIL_FORBIDDEN: { code: 'FORBIDDEN' },
}

/** The readable fields of an error payload; a bare integer (§11) becomes its own code. */
export const parseMaxError = (payload: WireValue): MaxError => {
  if (typeof payload === 'number' || typeof payload === 'bigint') return { code: String(payload) }
  const map = asMap(payload)
  const result: MaxError = {}
  const code = asString(map.error)
  if (code !== undefined) result.code = code
  for (const key of ['message', 'localizedMessage', 'title', 'description'] as const) {
    const text = asString(map[key])
    if (text !== undefined) result[key] = text
  }
  return result
}

const rowOf = (error: MaxError): MaxErrorRow => {
  const row = table[error.code ?? ''] ?? table[error.message ?? '']
  if (row) return row
  // The demand's exact code is unknown (§15.6), its word is not.
  if (/captcha/i.test(`${error.code} ${error.message}`)) return { code: 'CAPTCHA_REQUIRED' }
  return { code: 'MAX_REFUSED' }
}

/** What the session must do after this refusal, if anything. */
export const sessionConsequence = (error: MaxError): 'stop' | 'relogin' | undefined =>
  rowOf(error).session

/** A refusal of MAX as an error of ours; its own words stay in `maxError`. */
export const fromMaxError = (error: MaxError): GatewayError => {
  const row = rowOf(error)
  const text = error.title ?? error.localizedMessage ?? error.message ?? error.code
  return new GatewayError(row.code, text === undefined ? undefined : `MAX: ${text}`, {
    maxError: error,
    ...(row.retryAfterMs === undefined ? {} : { retryAfterMs: row.retryAfterMs }),
  })
}
