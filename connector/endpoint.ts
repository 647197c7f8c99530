import type { Encoding } from './frame.ts'

/** Where MAX is, and which encoding it speaks there (wire-and-auth.md §2). */
export interface Endpoint {
  encoding: Encoding
  /** `wss://…`, `ws://…` or `tls://host:port`. */
  url: string
}

const defaults: Record<Encoding, string> = {
  binary: 'wss://api.oneme.ru/websocket',
  json: 'wss://ws-api.oneme.ru/websocket',
  tcp: 'tls://api.oneme.ru:443',
}

/**
 * The endpoint a deployment is configured for.
 * @throws {Error} saying which variable is wrong.
 */
export const parseEndpoint = (url: string | undefined, protocol: string | undefined): Endpoint => {
  const encoding = protocol || (url?.startsWith('tls:') ? 'tcp' : 'binary')
  if (encoding !== 'binary' && encoding !== 'json' && encoding !== 'tcp') {
    throw new Error(`MAX_PROTOCOL must be binary, json or tcp, got "${protocol}"`)
  }
  const endpoint = url || defaults[encoding]
  const wanted = encoding === 'tcp' ? /^tls:\/\/[^/]+:\d+$/ : /^wss?:\/\/.+/
  if (!wanted.test(endpoint)) {
    const form = encoding === 'tcp' ? 'tls://host:port' : 'wss://… or ws://…'
    throw new Error(`MAX_ENDPOINT must be ${form} for the ${encoding} protocol`)
  }
  return { encoding, url: endpoint }
}

/** The same endpoint on the host that a RECONNECT named (`host` or `host:port`). */
export const redirected = (endpoint: Endpoint, host: string | undefined): Endpoint => {
  if (host === undefined) return endpoint
  const url = new URL(endpoint.url.replace(/^tls:/, 'https:'))
  url.host = host
  const scheme = endpoint.encoding === 'tcp' ? 'tls:' : new URL(endpoint.url).protocol
  const path = endpoint.encoding === 'tcp' ? '' : url.pathname
  const port = endpoint.encoding === 'tcp' && url.port === '' ? ':443' : ''
  return { ...endpoint, url: `${scheme}//${url.host}${port}${path}` }
}
