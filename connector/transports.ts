import { connect } from 'cloudflare:sockets'
import type { Endpoint } from './endpoint.ts'
import type { HandshakeProfile } from './profile.ts'
import type { Dial, MaxSocket } from './socket.ts'

/** Dials an endpoint. `fetcher` is the global `fetch`, or the stub of a sandbox object. */
export const dialer = (
  endpoint: Endpoint,
  profile: HandshakeProfile,
  fetcher: (url: string, init: RequestInit) => Promise<Response>,
): Dial =>
  endpoint.encoding === 'tcp'
    ? (signal) => dialTcp(endpoint.url, signal)
    : (signal) => dialWebSocket(endpoint.url, profile, fetcher, signal)

const dialWebSocket = async (
  url: string,
  profile: HandshakeProfile,
  fetcher: (url: string, init: RequestInit) => Promise<Response>,
  signal: AbortSignal,
): Promise<MaxSocket> => {
  // The signal must not reach an accepted socket: aborting the request later would cut it.
  const abort = new AbortController()
  const onAbort = (): void => abort.abort()
  signal.addEventListener('abort', onAbort)
  let response: Response
  try {
    response = await fetcher(url.replace(/^ws/, 'http'), {
      headers: {
        Upgrade: 'websocket',
        Origin: profile.origin,
        'User-Agent': profile.headerUserAgent,
      },
      signal: abort.signal,
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  const socket = response.webSocket
  if (socket === null || socket === undefined) {
    throw new Error(`MAX answered the upgrade with status ${response.status}`)
  }
  // Blobs, the default, would have to be awaited and so reorder frames.
  socket.binaryType = 'arraybuffer'
  return wrapWebSocket(socket)
}

const wrapWebSocket = (socket: WebSocket): MaxSocket => {
  let down = false
  const fall = (reason: string): void => {
    if (down) return
    down = true
    wrapped.onDown(reason)
  }
  const wrapped: MaxSocket = {
    onData: () => {},
    onDown: () => {},
    send: (data) => {
      if (!down) socket.send(data)
    },
    close: (reason) => {
      if (down) return
      try {
        socket.close(1000, reason.slice(0, 100))
      } catch {
        // Already closed by the other side; the outcome is the same.
      }
      fall(reason)
    },
  }
  socket.addEventListener('message', ({ data }) => {
    if (!down) wrapped.onData(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer))
  })
  // workerd may report a close and then an error, or an error alone.
  socket.addEventListener('close', ({ code }) => fall(`closed by MAX with code ${code}`))
  socket.addEventListener('error', () => fall('the socket failed'))
  socket.accept()
  return wrapped
}

const dialTcp = async (url: string, signal: AbortSignal): Promise<MaxSocket> => {
  const { hostname, port } = new URL(url.replace(/^tls:/, 'https:'))
  const address = { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) }
  const socket = connect(address, { secureTransport: 'on', allowHalfOpen: false })
  const onAbort = (): void => void socket.close().catch(() => {})
  signal.addEventListener('abort', onAbort)
  try {
    await socket.opened
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  const writer = socket.writable.getWriter()
  let down = false
  const fall = (reason: string): void => {
    if (down) return
    down = true
    socket.close().catch(() => {})
    wrapped.onDown(reason)
  }
  const wrapped: MaxSocket = {
    onData: () => {},
    onDown: () => {},
    send: (data) => {
      if (down) return
      writer.write(data).catch(() => fall('the socket failed'))
    },
    close: fall,
  }
  const read = async (): Promise<void> => {
    const reader = socket.readable.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return fall('closed by MAX')
      if (!down) wrapped.onData(value)
    }
  }
  // Starts in a later turn, when the callbacks are assigned.
  queueMicrotask(() => void read().catch(() => fall('the socket failed')))
  return wrapped
}
