import { isLoopbackUrl, type OutboundPolicy, refuseOutbound } from '../schema/outbound.ts'
import type { Clock } from './clock.ts'

/** The one shape of `fetch` that is used here; tests pass their own. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Why a request to a URL that a user gave came to nothing. The text never repeats the URL. */
export type OutboundFault =
  /** The guard forbids the URL; nothing was sent. */
  | 'refused'
  | 'unreachable'
  | 'timeout'
  /** The answer is larger than the caller allows. */
  | 'too_large'

export class OutboundError extends Error {
  readonly fault: OutboundFault

  constructor(fault: OutboundFault, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'OutboundError'
    this.fault = fault
  }
}

export interface OutboundRequest {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT'
  headers?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
  /** From the first byte sent to the last one read. */
  timeoutMs: number
  /** How much of the answer's body is read. */
  maxBytes: number
}

/** The start of an answer. */
export interface OutboundAnswer {
  status: number
  headers: Headers
  body: Uint8Array
  /** Whether the answer was longer than `maxBytes`; the rest was not read. */
  truncated: boolean
}

/** An answer whose body is still coming. Read it to its end or cancel it. */
export interface OutboundDownload {
  status: number
  headers: Headers
  /** Errors with `too_large` past `maxBytes` and with `timeout` past the deadline. */
  body: ReadableStream<Uint8Array>
}

export interface OutboundDeps {
  policy: OutboundPolicy
  clock: Clock
  /** Reaches everything that the runtime can. */
  fetch: Fetch
  /**
   * Reaches public addresses only, whatever a name resolves to. Absent where the platform is like
   * that by itself (Cloudflare).
   */
  publicFetch?: Fetch
}

/**
 * Requests to URLs that users give: webhooks, media by link. The guard stands before each of them,
 * redirects are never followed (a 3xx is an answer like any other), time and size are bounded.
 */
export class Outbound {
  readonly #deps: OutboundDeps

  constructor(deps: OutboundDeps) {
    this.#deps = deps
  }

  /** Why a URL may not be asked, for the moment at which it is saved; `undefined` when it may. */
  refusal(url: string): string | undefined {
    return refuseOutbound(url, this.#deps.policy)
  }

  /**
   * The guard alone, for callers who bound time and size themselves and do not follow redirects.
   * @throws {OutboundError} when the guard forbids the URL; else what `fetch` throws
   */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const { policy, fetch, publicFetch = fetch } = this.#deps
    // Each time anew: what was allowed when a URL was saved may be forbidden now.
    const refusal = this.refusal(url)
    if (refusal !== undefined) throw new OutboundError('refused', refusal)
    const isOwn = policy.allowPrivate || (policy.allowLoopback && isLoopbackUrl(url))
    return (isOwn ? fetch : publicFetch)(url, { ...init, redirect: 'manual' })
  }

  /**
   * Asks and reads the start of the answer, whatever its status.
   * @throws {OutboundError}
   */
  async ask(url: string, request: OutboundRequest): Promise<OutboundAnswer> {
    const { response, deadline } = await this.#begin(url, request)
    try {
      const { bytes, truncated } = await readStart(response.body, request.maxBytes)
      const { status, headers } = response
      return { status, headers, body: bytes, truncated }
    } catch (error) {
      throw deadline.explain(error)
    } finally {
      deadline.clear()
    }
  }

  /**
   * Asks and gives the body as a stream; an answer that announces more than `maxBytes` is refused
   * before it is read.
   * @throws {OutboundError}
   */
  async download(url: string, request: OutboundRequest): Promise<OutboundDownload> {
    const { response, deadline } = await this.#begin(url, request)
    const { status, headers, body } = response
    if (Number(headers.get('content-length') ?? 0) > request.maxBytes) {
      deadline.clear()
      await body?.cancel().catch(() => {})
      throw tooLarge(request.maxBytes)
    }
    return { status, headers, body: bounded(body, request.maxBytes, deadline) }
  }

  async #begin(
    url: string,
    { method = 'GET', headers = {}, body, timeoutMs }: OutboundRequest,
  ): Promise<{ response: Response; deadline: Deadline }> {
    const deadline = new Deadline(this.#deps.clock, timeoutMs)
    try {
      const response = await this.fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        signal: deadline.signal,
      })
      return { response, deadline }
    } catch (error) {
      deadline.clear()
      throw deadline.explain(error)
    }
  }
}

/** One limit of time for a request and its answer. */
class Deadline {
  readonly #abort = new AbortController()
  readonly #timeoutMs: number
  readonly clear: () => void

  constructor(clock: Clock, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.clear = clock.after(timeoutMs, () => this.#abort.abort())
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The runtime's own words may hold the URL, which may hold the user's secrets. */
  explain(cause: unknown): OutboundError {
    if (cause instanceof OutboundError) return cause
    return this.#abort.signal.aborted
      ? new OutboundError('timeout', `no answer within ${this.#timeoutMs / 1000} s`, cause)
      : new OutboundError('unreachable', 'cannot reach the receiver', cause)
  }
}

const tooLarge = (maxBytes: number): OutboundError =>
  new OutboundError('too_large', `the answer is larger than ${maxBytes} bytes`)

/** Reads the start of a body and drops the rest, so that the connection can be used again. */
const readStart = async (
  body: Response['body'],
  maxBytes: number,
): Promise<{ bytes: Uint8Array; truncated: boolean }> => {
  const reader = body?.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
    size += value.length
    if (size > maxBytes) {
      await reader.cancel().catch(() => {})
      break
    }
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return { bytes: bytes.subarray(0, maxBytes), truncated: size > maxBytes }
}

/** A body that ends in an error when it is too long or too slow. */
const bounded = (
  body: Response['body'],
  maxBytes: number,
  deadline: Deadline,
): ReadableStream<Uint8Array> => {
  const reader = body?.getReader()
  let size = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done = true, value } = (await reader?.read()) ?? {}
          if (done || value === undefined) {
            deadline.clear()
            return controller.close()
          }
          size += value.length
          if (size > maxBytes) throw tooLarge(maxBytes)
          controller.enqueue(value)
        } catch (error) {
          deadline.clear()
          await reader?.cancel().catch(() => {})
          throw deadline.explain(error)
        }
      },
      cancel: async (reason) => {
        deadline.clear()
        await reader?.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
