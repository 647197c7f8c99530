import { DurableObject } from 'cloudflare:workers'
import { type ErrorCode, errors, type Result } from '../schema/errors.ts'
import type { MediaKind } from '../schema/media.ts'
import type { Fault, Incoming } from '../schema/operations/sandbox.ts'
import { SANDBOX_ORIGIN, type SandboxInfo, type SandboxRpc } from '../schema/sandbox-port.ts'
import type { WireMap } from '../schema/wire.ts'
import type { Link, Snapshot } from './connection.ts'
import { createDemoWorld, type DemoWorld, demoInfo, findDemoWorld } from './demo-world.ts'
import { DirectorError } from './director.ts'
import { RowBlobs } from './media/row-blobs.ts'
import { samples } from './media/samples.ts'
import { type Line, Simulator } from './simulator.ts'
import type { Storage } from './storage.ts'

/**
 * A MAX server for one sandbox tenant: its sockets hibernate, its world is rows of its own SQLite, so
 * neither eviction nor a crash loses a message. Each object has the demo people and nobody else.
 */
export class Sandbox extends DurableObject implements SandboxRpc {
  readonly #lines = new Map<WebSocket, Line>()
  #sim: Simulator
  #demo: DemoWorld

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    this.#sim = this.#wake()
    this.#demo = findDemoWorld(this.#sim.world) ?? createDemoWorld(this.#sim)
    for (const socket of ctx.getWebSockets()) {
      this.#open(socket, socket.deserializeAttachment() as Snapshot | null)
    }
  }

  /** The upgrade that a client of MAX makes, and what it uploads and downloads. */
  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname.startsWith('/media/')) return this.#sim.media.serve(request)
    if (request.headers.get('Upgrade')?.toLowerCase() !== 'websocket') {
      return new Response('Expected a web socket', { status: 426 })
    }
    if (request.headers.get('Origin') !== 'https://web.max.ru') {
      return new Response('Forbidden', { status: 403 })
    }
    const { 0: client, 1: server } = new WebSocketPair()
    server.binaryType = 'arraybuffer'
    this.ctx.acceptWebSocket(server)
    this.#open(server, null)
    return new Response(null, { status: 101, webSocket: client })
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    this.#lines.get(socket)?.receive(typeof data === 'string' ? data : new Uint8Array(data))
    this.#keep()
  }

  override webSocketClose(socket: WebSocket): void {
    this.#gone(socket)
  }

  override webSocketError(socket: WebSocket): void {
    this.#gone(socket)
  }

  override alarm(): void {
    this.#sim.tick()
    this.#keep()
  }

  async info(): Promise<Result<SandboxInfo>> {
    return { ok: true, data: demoInfo(this.#sim, this.#demo) }
  }

  async approveQr(qrLink?: string): Promise<Result<null>> {
    const approved = this.#sim.direct.approveQr(this.#demo.me.id, qrLink)
    this.#keep()
    return approved
      ? { ok: true, data: null }
      : failure('CONFLICT', 'no QR code is waiting to be scanned')
  }

  async incoming(input: Incoming): Promise<Result<{ chatId: number; messageId: string }>> {
    const from = input.from === undefined ? this.#demo.contacts[0]?.id : Number(input.from)
    const chatId = input.chatId === undefined ? undefined : Number(input.chatId)
    if (from === undefined || !this.#demo.contacts.some((contact) => contact.id === from)) {
      return failure('NOT_FOUND', 'there is no such demo contact')
    }
    try {
      const { text } = input
      const attaches =
        input.media === undefined ? undefined : [await this.#file(from, input.media, input)]
      const message = { to: this.#demo.me.id, from, text, chatId, attaches }
      const data = this.#sim.direct.incoming(message)
      this.#keep()
      return { ok: true, data }
    } catch (error) {
      if (error instanceof DirectorError) return failure('NOT_FOUND', error.message)
      throw error
    }
  }

  /** Strikes whichever account is logged in: the object serves one tenant. */
  async fault(input: Fault): Promise<Result<null>> {
    const { me } = this.#demo
    this.#sim.direct.fault(input.kind === 'flood' ? { ...input, userId: me.id } : input)
    this.#keep()
    return { ok: true, data: null }
  }

  async destroy(): Promise<void> {
    this.#sim.direct.close(undefined, 1000)
    this.#lines.clear()
    await this.ctx.storage.deleteAll()
    this.#sim = this.#wake()
    this.#demo = createDemoWorld(this.#sim)
  }

  #file(from: number, kind: MediaKind, { data, fileName }: Incoming): Promise<WireMap> {
    const { upload, name, bytes, facts } = samples[kind]
    return this.#sim.media.place(from, {
      kind: upload,
      name: fileName ?? name,
      bytes: data === undefined ? bytes() : Buffer.from(data, 'base64'),
      facts,
    })
  }

  #wake(): Simulator {
    return new Simulator({
      clock: { now: () => Date.now(), after },
      random: Math.random,
      storage: rowsOf(this.ctx.storage.sql),
      blobs: new RowBlobs(this.ctx.storage.sql),
      wakeAt: (at) => {
        const setting =
          at === undefined ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(at)
        this.ctx.waitUntil(setting)
      },
      // A pending timer would keep the object awake for ever.
      settings: { idleCloseMs: 0, mediaUrl: `${SANDBOX_ORIGIN}/media` },
    })
  }

  #open(socket: WebSocket, snapshot: Snapshot | null): void {
    const link: Link = {
      transport: 'websocket',
      send: (data) => socket.send(data),
      close: (code, reason) => {
        this.#lines.delete(socket)
        socket.close(code ?? 1011, reason)
      },
    }
    this.#lines.set(socket, this.#sim.open(link, snapshot ?? undefined))
  }

  #gone(socket: WebSocket): void {
    this.#lines.get(socket)?.closed()
    this.#lines.delete(socket)
    this.#keep()
  }

  /** What the lines must know after hibernation. A push changes lines that received nothing. */
  #keep(): void {
    for (const [socket, line] of this.#lines) socket.serializeAttachment(line.snapshot())
  }
}

const after = (delayMs: number, task: () => void): (() => void) => {
  const timer = setTimeout(task, delayMs)
  return () => clearTimeout(timer)
}

/** One table of rows; each write joins the turn's implicit transaction. */
const rowsOf = (sql: SqlStorage): Storage => {
  sql.exec(
    'CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID',
  )
  return {
    *load() {
      for (const { key, json } of sql.exec<{ key: string; json: string }>(
        'SELECT key, json FROM rows',
      )) {
        yield [key, json]
      }
    },
    put: (key, json) =>
      void sql.exec('INSERT OR REPLACE INTO rows (key, json) VALUES (?, ?)', key, json),
    delete: (key) => void sql.exec('DELETE FROM rows WHERE key = ?', key),
  }
}

const failure = (
  code: ErrorCode,
  message: string,
): { ok: false; error: { code: ErrorCode; message: string } } => ({
  ok: false,
  error: { code, message: message || errors[code].meaning },
})
