import { createCodec, type Encoding, type FrameCodec, FrameReader } from '../connector/frame.ts'
import { Command, type Frame, type WireValue } from '../schema/wire.ts'
import type { Device, Session } from './records.ts'
import type { Settings } from './settings.ts'

/** What a host gives to the simulator for each socket. Nothing is sent or closed after `close`. */
export interface Link {
  readonly transport: 'websocket' | 'tcp'
  send(data: Uint8Array<ArrayBuffer> | string): void
  /** Without a code the line is cut, as a dead network would. */
  close(code: number | undefined, reason: string): void
}

/** How far the connection got (wire-and-auth.md §1). */
export type Stage =
  | { readonly name: 'open' }
  | { readonly name: 'greeted'; readonly device: Device }
  | { readonly name: 'online'; readonly device: Device; readonly session: Session }

/**
 * Steps of a login under way. They are bound to the connection, so they live and die with it, and a
 * newer one replaces the older of its kind.
 */
export interface Dialogue {
  code?: { token: string; phone: string; expiresAt: number; attemptsLeft: number; sent: boolean }
  registration?: { token: string; phone: string }
  challenge?: { trackId: string; userId: number; attemptsLeft: number }
  qr?: { trackId: string; link: string; expiresAt: number; approvedBy?: number }
}

/** A connection as data: what a host keeps when it sleeps while the socket stays open. */
export interface Snapshot {
  stage: { name: 'open' | 'greeted' | 'online'; device?: Device; sessionId?: string }
  dialogue: Dialogue
  encoding: Encoding
  pushSeq: number
  interactive: boolean
  subscriptions: [chatKey: string, expiresAt: number][]
}

const maxSubscriptions = 32

export class Connection {
  stage: Stage = { name: 'open' }
  dialogue: Dialogue = {}
  /** The last word of LOGIN or PING on whether a person looks at the client. */
  interactive = false
  /** Chats whose typing it wants, by key, until when. */
  readonly subscriptions = new Map<string, number>()
  readonly #link: Link
  readonly #compress: boolean
  readonly #reader: FrameReader | undefined
  #codec: FrameCodec
  readonly #onEnd: (connection: Connection) => void
  #pushSeq: number
  #isOpen = true

  /** `onEnd` fires once, whoever ends it. */
  constructor(link: Link, settings: Settings, onEnd: (connection: Connection) => void) {
    this.#link = link
    this.#onEnd = onEnd
    this.#compress = settings.compress
    this.#codec = this.#codecFor(link.transport === 'tcp' ? 'tcp' : 'binary')
    this.#reader = link.transport === 'tcp' ? new FrameReader({ floats: 'refuse' }) : undefined
    this.#pushSeq = settings.pushSeqStart
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get encoding(): Encoding {
    return this.#codec.encoding
  }

  /** Forgets what has expired, and the oldest beyond what a snapshot may carry. */
  subscribe(chatKey: string, expiresAt: number, now: number): void {
    this.subscriptions.delete(chatKey)
    this.subscriptions.set(chatKey, expiresAt)
    let surplus = this.subscriptions.size - maxSubscriptions
    for (const [key, until] of this.subscriptions) {
      if (until <= now || surplus > 0) this.subscriptions.delete(key)
      surplus -= 1
    }
  }

  get session(): Session | undefined {
    return this.stage.name === 'online' ? this.stage.session : undefined
  }

  /** The frames in what arrived. On a web socket text speaks JSON and bytes speak v10. */
  decode(data: Uint8Array | string): Frame[] {
    if (this.#reader && typeof data !== 'string') return this.#reader.push(data)
    const encoding = typeof data === 'string' ? 'json' : 'binary'
    if (this.encoding !== encoding) this.#codec = this.#codecFor(encoding)
    return [this.#codec.decode(data)]
  }

  answer(request: { seq: number; opcode: number }, payload: WireValue): void {
    this.#send({ cmd: Command.OK, seq: request.seq, opcode: request.opcode, payload })
  }

  refuse(request: { seq: number; opcode: number }, payload: WireValue): void {
    this.#send({ cmd: Command.ERROR, seq: request.seq, opcode: request.opcode, payload })
  }

  /** A server frame under the connection's own counter (§4.3). */
  push(opcode: number, payload: WireValue): void {
    this.#send({ cmd: Command.REQUEST, seq: this.#pushSeq, opcode, payload })
    this.#pushSeq = (this.#pushSeq + 1) & 0xffff
  }

  sendRaw(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#isOpen) this.#link.send(bytes)
  }

  close(code: number | undefined, reason: string): void {
    if (!this.#isOpen) return
    this.#link.close(code, reason)
    this.closed()
  }

  /** The socket is gone. */
  closed(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onEnd(this)
  }

  snapshot(): Snapshot {
    const { stage } = this
    return {
      stage: {
        name: stage.name,
        ...(stage.name !== 'open' && { device: stage.device }),
        ...(stage.name === 'online' && { sessionId: stage.session.id }),
      },
      dialogue: this.dialogue,
      encoding: this.encoding,
      pushSeq: this.#pushSeq,
      interactive: this.interactive,
      subscriptions: [...this.subscriptions],
    }
  }

  /** Takes up where a snapshot left off; `session` is the one it names, if that still exists. */
  restore(snapshot: Snapshot, session: Session | undefined): void {
    const { name, device } = snapshot.stage
    if (name === 'online' && device && session) this.stage = { name, device, session }
    else if (name !== 'open' && device) this.stage = { name: 'greeted', device }
    this.dialogue = snapshot.dialogue
    this.#codec = this.#codecFor(snapshot.encoding)
    this.#pushSeq = snapshot.pushSeq
    this.interactive = snapshot.interactive
    for (const [key, expiresAt] of snapshot.subscriptions) this.subscriptions.set(key, expiresAt)
  }

  #send(frame: Omit<Frame, 'ver'>): void {
    if (this.#isOpen) this.#link.send(this.#codec.encode(frame))
  }

  #codecFor(encoding: Encoding): FrameCodec {
    return createCodec({ encoding, side: 'server', compress: this.#compress, floats: 'refuse' })
  }
}
