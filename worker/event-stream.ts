import type { StreamPlace } from '../connector/event-sockets.ts'
import { GatewayError } from '../schema/errors.ts'
import type { EventStep } from '../schema/event-steps.ts'
import type { LogFilter, LogPage, LogPlace } from '../schema/log-port.ts'
import type { Operation } from '../schema/operations/index.ts'
import type { Reply } from '../schema/session-port.ts'
import { inputReader } from './input.ts'
import { errorFrom, unwrap } from './result.ts'

/** Events of one read; the log bounds their bytes. */
const PAGE_EVENTS = 100
const HEARTBEAT_MS = 15_000
/** Reads of one stream: a request on Cloudflare may make 10,000 calls. The client comes again. */
const MAX_READS = 9_000
const RETRY_MS = 1_000

const PROTOCOL = 'maxapi.events'
const TOKEN_PROTOCOL = 'maxapi.token.'

/** One request for a stream of events. */
export interface StreamCall {
  request: Request
  /** Asks the tenant's session; resolves with failures as data. */
  step(name: EventStep, input: unknown): Promise<Reply>
  /** Takes a web socket through to the tenant's session. */
  upgrade(place: StreamPlace): Promise<Response>
}

/**
 * Makes the server of a stream row. Server-sent events are made here, by reading the log page by page
 * as the client takes them: no stream goes out of the session's object, where its end could take the
 * socket to MAX along, and a slow client holds one page. Web sockets are the object's own, because
 * there they outlive its memory.
 */
export const eventStream = (row: Operation): ((call: StreamCall) => Promise<Response>) => {
  const readInput = inputReader(row)
  return async (call) => {
    const { request } = call
    const { after, reader, ...filter } = (await readInput(request, {})) as unknown as LogFilter &
      LogPlace
    const isSocket = wantsSocket(request)
    const protocol = isSocket ? protocolOf(request) : undefined
    const begin = lastEventId(request) ?? after
    const started = unwrap(await call.step('events.start', { after: begin, reader }))
    const place = started as { after: number }
    if (!isSocket) return serverSentEvents(call, place.after, filter)
    const { webSocket, body } = await call.upgrade({ ...filter, ...place, reader })
    if (!webSocket) throw errorFrom(await new Response(body).json())
    return new Response(null, {
      status: 101,
      webSocket,
      ...(protocol && { headers: { 'Sec-WebSocket-Protocol': protocol } }),
    })
  }
}

/**
 * The headers of a request with the token that a browser's web socket could only bring as a
 * subprotocol.
 */
export const withProtocolToken = (request: Request): Headers => {
  const { headers } = request
  const offered = offeredProtocols(request).find((name) => name.startsWith(TOKEN_PROTOCOL))
  if (!wantsSocket(request) || offered === undefined) return headers
  const token = Buffer.from(offered.slice(TOKEN_PROTOCOL.length), 'base64url').toString()
  // No header could hold it, so it is nobody's.
  if (!/^[\x21-\x7e]+$/.test(token)) return headers
  const own = new Headers(headers)
  own.set('token', token)
  return own
}

const wantsSocket = ({ headers }: Request): boolean =>
  headers.get('upgrade')?.toLowerCase() === 'websocket'

const offeredProtocols = ({ headers }: Request): string[] =>
  (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())

/** The protocol to agree on. Never the one with the token: an answer does not repeat a secret. */
const protocolOf = (request: Request): string | undefined => {
  const offered = offeredProtocols(request)
  if (offered.includes(PROTOCOL)) return PROTOCOL
  if (offered.some((name) => name.startsWith(TOKEN_PROTOCOL))) {
    throw new GatewayError('INVALID_INPUT', `offer the subprotocol ${PROTOCOL} too`, {
      field: 'Sec-WebSocket-Protocol',
    })
  }
  return undefined
}

const lastEventId = ({ headers }: Request): number | undefined => {
  const text = headers.get('last-event-id')
  if (text === null || text === '') return undefined
  const id = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(id)) return id
  throw new GatewayError('INVALID_INPUT', 'Last-Event-ID: expected the sequence of an event', {
    field: 'Last-Event-ID',
  })
}

const serverSentEvents = ({ step }: StreamCall, after: number, filter: LogFilter): Response => {
  const encoder = new TextEncoder()
  let place = after
  let reads = 0
  let isOver = false
  const body = new ReadableStream<Uint8Array>(
    {
      // The first id, so that a client knows its place before the first event.
      start: (controller) =>
        controller.enqueue(encoder.encode(`: maxapi\nretry: ${RETRY_MS}\nid: ${place}\n\n`)),
      pull: async (controller) => {
        const query = { ...filter, after: place, limit: PAGE_EVENTS, waitMs: HEARTBEAT_MS }
        // What goes wrong ends the stream: the client's next request is told of it, if it lasts.
        const reply = await step('events.read', query).catch(() => undefined)
        // The client may have gone in the meantime.
        if (isOver) return
        if (reply?.ok !== true) return controller.close()
        const page = reply.data as LogPage
        place = page.after
        controller.enqueue(encoder.encode(render(page)))
        reads += 1
        if (reads === MAX_READS) controller.close()
      },
      cancel: () => {
        isOver = true
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      // Proxies of the kind of nginx would collect the stream otherwise.
      'X-Accel-Buffering': 'no',
    },
  })
}

/** A page as text. Its last id is the page's place, so that what the filter left out is not read again. */
const render = ({ events, after }: LogPage): string => {
  const parts = events.map(
    ({ sequence, type, body }) => `id: ${sequence}\nevent: ${type}\ndata: ${body}\n\n`,
  )
  if (events.at(-1)?.sequence !== after) parts.push(`:\nid: ${after}\n\n`)
  return parts.join('')
}
