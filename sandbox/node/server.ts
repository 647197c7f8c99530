import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Link } from '../connection.ts'
import type { Director } from '../director.ts'
import type { Settings } from '../settings.ts'
import { Simulator } from '../simulator.ts'
import type { Storage } from '../storage.ts'
import { createCertificates } from './certificate.ts'
import { control } from './control.ts'
import { FileBlobs } from './file-blobs.ts'
import { serveMedia } from './media-http.ts'

export interface SandboxOptions {
  host?: string
  /** 0, the default, takes a free one. */
  port?: number
  tlsPort?: number
  /** Where the CA certificate goes; default: the sandbox's own folder, which `close` removes. */
  caFile?: string
  settings?: Partial<Settings>
  storage?: Storage
}

export interface RunningSandbox {
  /** Web socket for binary v10; the same port speaks JSON v11 to text messages. */
  url: string
  jsonUrl: string
  tlsUrl: string
  /** Base of the HTTP control paths. */
  controlUrl: string
  /** PEM of the CA that signed the TLS certificate, for `NODE_EXTRA_CA_CERTS`. */
  caFile: string
  core: Simulator
  /** The control functions, called directly. */
  control: Director
  close(): Promise<void>
}

/** What the web client's browser sends, and MAX insists on (wire-and-auth.md §2). */
export const requiredOrigin = 'https://web.max.ru'

/** The simulator on real sockets of this machine. */
export const startSandbox = async (options: SandboxOptions = {}): Promise<RunningSandbox> => {
  const { host = '127.0.0.1', port = 0, tlsPort = 0, settings = {}, storage } = options
  const certificates = await createCertificates(Date.now())
  const folder = await mkdtemp(join(tmpdir(), 'max-sandbox-'))
  const caFile = options.caFile ?? join(folder, 'ca.pem')
  const blobs = new FileBlobs(join(folder, 'uploads'))
  const core = new Simulator({ clock: systemClock, random: Math.random, settings, storage, blobs })
  await writeFile(caFile, certificates.ca)

  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const web = createServer((request, response) => {
    const isMedia = request.url?.startsWith('/media/')
    const served = isMedia
      ? serveMedia(core.media, request, response)
      : control(core, request, response)
    served.catch((error: unknown) => {
      console.error(error)
      response.writeHead(500).end()
    })
  })
  web.on('upgrade', (request, socket, head) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const status =
      path !== '/websocket' ? 404 : request.headers.origin !== requiredOrigin ? 403 : undefined
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} ${status === 403 ? 'Forbidden' : 'Not Found'}\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (accepted) => serveWebSocket(core, accepted))
  })
  const { certificate: cert, key } = certificates
  const lines = new Set<TLSSocket>()
  const tls = createTlsServer({ cert, key }, (socket) => {
    lines.add(socket)
    socket.once('close', () => lines.delete(socket))
    serveTls(core, socket)
  })
  const [webPort, securePort] = await Promise.all([
    listen(web, port, host),
    listen(tls, tlsPort, host),
  ])
  const url = `ws://${host}:${webPort}/websocket`
  core.settings.mediaUrl = settings.mediaUrl ?? `http://${host}:${webPort}/media`
  return {
    url,
    jsonUrl: url,
    tlsUrl: `tls://localhost:${securePort}`,
    controlUrl: `http://${host}:${webPort}/control`,
    caFile,
    core,
    control: core.direct,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate()
      for (const socket of lines) socket.destroy()
      web.closeAllConnections()
      await Promise.all([shut(web), shut(tls)])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const systemClock = {
  now: () => Date.now(),
  after: (delayMs: number, task: () => void) => {
    const timer = setTimeout(task, delayMs)
    // A quiet sandbox must not keep a finished test alive.
    timer.unref()
    return () => clearTimeout(timer)
  },
}

const serveWebSocket = (core: Simulator, socket: WebSocket): void => {
  const link: Link = {
    transport: 'websocket',
    send: (data) => socket.send(data),
    close: (code, reason) => (code === undefined ? socket.terminate() : socket.close(code, reason)),
  }
  const line = core.open(link)
  socket.on('message', (data: Buffer, isBinary) =>
    line.receive(isBinary ? data : data.toString('utf8')),
  )
  socket.on('close', () => line.closed())
  // A broken line also closes, which is all there is to know about it.
  socket.on('error', () => socket.terminate())
}

const serveTls = (core: Simulator, socket: TLSSocket): void => {
  socket.setNoDelay(true)
  const link: Link = {
    transport: 'tcp',
    send: (data) => socket.write(data),
    close: (code) => (code === undefined ? socket.destroy() : socket.end()),
  }
  const line = core.open(link)
  socket.on('data', (chunk) => line.receive(chunk))
  socket.on('close', () => line.closed())
  socket.on('error', () => socket.destroy())
}

const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })

const shut = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()))
