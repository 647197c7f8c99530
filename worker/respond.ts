import { type ErrorData, errors } from '../schema/errors.ts'
import { stringifyJson } from '../schema/json.ts'

/** An answer holds secrets and live state: no cache may keep it. */
const headersFor = (requestId: string, contentType: string): Record<string, string> => ({
  'Content-Type': contentType,
  'Request-Id': requestId,
  'Cache-Control': 'no-store',
})

/** What an answer says beside its body. */
export interface Notes {
  /** Of a success; 200 without it. */
  status?: number
  headers: Record<string, string>
}

/** The success envelope: the operation's own fields beside `success: true`. */
export const success = (requestId: string, data: object, notes?: Notes): Response =>
  new Response(stringifyJson({ success: true, ...data }), {
    status: notes?.status ?? 200,
    headers: { ...headersFor(requestId, 'application/json'), ...notes?.headers },
  })

/** An answer that is no JSON. */
export const withRequestId = (response: Response, requestId: string): Response => {
  response.headers.set('Request-Id', requestId)
  return response
}

/** A failure that still answers with the operation's fields, under a status of its own. */
export const unhealthy = (requestId: string, data: object): Response =>
  new Response(stringifyJson({ success: false, ...data, requestId }), {
    status: 503,
    headers: headersFor(requestId, 'application/json'),
  })

const PROBLEM_JSON = 'application/problem+json'

/** The error envelope, or RFC 9457 when the caller's `Accept` asks for it. */
export const failure = (
  request: Request,
  requestId: string,
  error: ErrorData,
  notes?: Notes,
): Response => {
  const { code, message, ...facts } = error
  const { status, meaning } = errors[code]
  const asProblem = request.headers.get('accept')?.includes(PROBLEM_JSON) === true
  const body = asProblem
    ? {
        type: `urn:maxapi:error:${code}`,
        title: meaning,
        status,
        detail: message,
        code,
        requestId,
        ...facts,
      }
    : { success: false, error: message, code, requestId, ...facts }
  const headers = {
    ...headersFor(requestId, asProblem ? PROBLEM_JSON : 'application/json'),
    ...notes?.headers,
  }
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer'
  if (error.retryAfterMs !== undefined) {
    headers['Retry-After'] = String(Math.ceil(error.retryAfterMs / 1000))
  }
  return new Response(stringifyJson(body), { status, headers })
}
