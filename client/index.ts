import type { z } from 'zod'
import type { OperationName, operations } from '../schema/operations/index.ts'
import { type ErrorBody, MaxApiError } from './error.ts'
import { type Route, routes } from './routes.ts'

export { MaxApiError } from './error.ts'
export {
  type VerifyOptions,
  verifyWebhook,
  type WebhookEvent,
  WebhookVerificationError,
} from './webhook.ts'

type Rows = typeof operations
/** What an operation takes; ids as number, bigint or decimal string. */
export type InputOf<Name extends OperationName> = z.input<Rows[Name]['input']>
/** What it answers. */
export type OutputOf<Name extends OperationName> = z.output<Rows[Name]['output']> & {
  success: true
}

export interface ClientOptions {
  /** Where the gateway is, e.g. `https://max.example.com`. */
  url: string
  /** The tenant's API token, for everything but `/admin`. */
  token?: string
  adminToken?: string
  /** Longest wait for one answer. Default 60 s. */
  timeoutMs?: number
  /**
   * How often a request that failed is sent again where that is safe: reads, and sends and creations,
   * which then get an `Idempotency-Key`. Default 2.
   */
  retries?: number
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface CallOptions {
  /** Makes repeating a send or a creation safe; made by the client when it repeats by itself. */
  idempotencyKey?: string
  /** Ends waiting; what was asked may still happen. */
  signal?: AbortSignal
  /** For operations that send media: the content itself, with the fields beside it. */
  content?: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
  contentType?: string
  fileName?: string
  headers?: Record<string, string>
}

type Method<Name extends OperationName> =
  Record<string, never> extends InputOf<Name>
    ? (input?: InputOf<Name>, options?: CallOptions) => Promise<OutputOf<Name>>
    : (input: InputOf<Name>, options?: CallOptions) => Promise<OutputOf<Name>>

/** One method an operation, named as in API.md. */
export type Client = { readonly [Name in OperationName]: Method<Name> } & {
  /** The answer itself, for operations that give bytes: media to stream, and event streams. */
  open<Name extends OperationName>(
    name: Name,
    input: InputOf<Name>,
    options?: CallOptions,
  ): Promise<Response>
}

const TIMEOUT_MS = 60_000
const RETRIES = 2
const FIRST_WAIT_MS = 300
const LONGEST_WAIT_MS = 30_000

/**
 * A client of a gateway, typed by its table of operations.
 * Its methods reject with {@link MaxApiError} for every answer that is no success.
 */
export const createClient = (options: ClientOptions): Client => {
  const call = async (name: OperationName, input: object = {}, more: CallOptions = {}) => {
    const response = await request(options, routes[name], input, more)
    return response.json()
  }
  const methods = Object.fromEntries(
    (Object.keys(routes) as OperationName[]).map((name) => [
      name,
      (input?: object, more?: CallOptions) => call(name, input, more),
    ]),
  )
  const open = (name: OperationName, input: object, more: CallOptions = {}): Promise<Response> =>
    request(options, routes[name], input, {
      ...more,
      headers: { accept: 'application/octet-stream', ...more.headers },
    })
  // The loop over the table is what the compiler cannot follow.
  return { ...methods, open } as unknown as Client
}

/** Sends until there is a success, an answer that repeating cannot mend, or no try is left. */
const request = async (
  options: ClientOptions,
  route: Route,
  input: object,
  more: CallOptions,
): Promise<Response> => {
  const { retries = RETRIES } = options
  // A stream is gone once it was read.
  const isRepeatable = !(more.content instanceof ReadableStream)
  const key =
    more.idempotencyKey ?? (route.creates && retries > 0 ? crypto.randomUUID() : undefined)
  const isSafe = isRepeatable && (route.reads === true || key !== undefined)
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once(options, route, input, { ...more, ...(key && { idempotencyKey: key }) })
    } catch (error) {
      const failure = error as MaxApiError
      if (!isSafe || attempt >= retries || !mayPass(failure) || more.signal?.aborted) throw error
      const backoff = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random())
      const waitMs = Math.max(backoff, failure.retryAfterMs ?? 0)
      if (waitMs > LONGEST_WAIT_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }
}

/** Whether the same request may get another answer soon. */
const mayPass = ({ status, code }: MaxApiError): boolean =>
  status === 0 || status === 429 || status === 502 || status === 503 || code === 'IN_PROGRESS'

const once = async (
  { url, token, adminToken, timeoutMs = TIMEOUT_MS, fetch: send = fetch }: ClientOptions,
  route: Route,
  input: object,
  more: CallOptions,
): Promise<Response> => {
  const { target, body } = place(route, input, more)
  const headers: Record<string, string> = {
    ...(route.admin
      ? { authorization: `Bearer ${adminToken ?? ''}` }
      : token === undefined
        ? {}
        : { token }),
    ...(body === undefined ? {} : { 'content-type': more.contentType ?? 'application/json' }),
    ...(more.fileName === undefined
      ? {}
      : {
          'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(more.fileName)}`,
        }),
    ...(more.idempotencyKey === undefined ? {} : { 'idempotency-key': more.idempotencyKey }),
    ...more.headers,
  }
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = more.signal === undefined ? timeout : AbortSignal.any([timeout, more.signal])
  let response: Response
  try {
    response = await send(url.replace(/\/+$/, '') + target, {
      method: route.method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit)
  } catch (cause) {
    const code = timeout.aborted ? 'TIMEOUT' : 'NETWORK'
    throw new MaxApiError(0, { code, error: 'no answer from the gateway' }, { cause })
  }
  if (response.ok) return response
  throw await errorOf(response)
}

/** Fields go into the path, then the query or the body. */
const place = (route: Route, input: object, { content }: CallOptions) => {
  const fields = new Map(Object.entries(input).filter(([, value]) => value !== undefined))
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) => {
    const value = fields.get(name)
    fields.delete(name)
    return encodeURIComponent(String(value))
  })
  if (route.method === 'GET' || content !== undefined) {
    const query = new URLSearchParams()
    for (const [name, value] of fields) {
      for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each))
    }
    return { target: fields.size === 0 ? path : `${path}?${query}`, body: content }
  }
  return { target: path, body: JSON.stringify(Object.fromEntries(fields), bigintAsText) }
}

const bigintAsText = (_name: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value

const errorOf = async (response: Response): Promise<MaxApiError> => {
  const body = (await response.json().catch(() => ({}))) as ErrorBody
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined
  return new MaxApiError(response.status, body, { retryAfterMs })
}
