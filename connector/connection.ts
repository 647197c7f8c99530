import { GatewayError } from '../schema/errors.ts'
import { fromMaxError, parseMaxError } from '../schema/max-errors.ts'
import { Opcode, opcodeName } from '../schema/opcodes.ts'
import { asMap, Command, type Frame, Limit, type WireMap, type WireValue } from '../schema/wire.ts'
import type { Clock, Log } from './clock.ts'
import { type FrameCodec, FrameError, frameReader } from './frame.ts'
import type { Dial, MaxSocket } from './socket.ts'

export interface ConnectionDeps {
  dial: Dial
  codec: FrameCodec
  clock: Clock
  log: Log
  /** Called for each push of MAX, in order. It must not throw. */
  onPush: (push: Frame) => void
  /** Called exactly once, when an opened connection is gone. */
  onClosed: (reason: string) => void
}

/** Why a call failed that MAX may have acted on: it left, and no answer came. */
class LostAnswer extends Error {}

/** Whether MAX may have done what failed with this error. */
export const mayHaveActed = (error: unknown): boolean =>
  error instanceof GatewayError && error.cause instanceof LostAnswer

type Phase = 'idle' | 'dialing' | 'open' | 'closed'

interface Pending {
  opcode: number
  resolve: (payload: WireValue) => void
  reject: (error: GatewayError) => void
  stopDeadline: () => void
}

const MAX_SEQ = 0xffff

/**
 * One connection to MAX from dial to close: correlates answers with calls, hands pushes on, answers
 * server pings, watches for a dead socket. It is used once; a reconnect makes a new one.
 * Knows no Cloudflare API, no storage and no policy. Rules CN1–CN9 in SPEC.md.
 */
export class MaxConnection {
  readonly #deps: ConnectionDeps
  readonly #pending = new Map<number, Pending>()
  /** Timed-out calls whose answer may still come: their number must not be used again. */
  readonly #abandoned = new Set<number>()
  readonly #abort = new AbortController()
  #phase: Phase = 'idle'
  #socket: MaxSocket | undefined
  #nextSeq = 0
  #unansweredPings = 0
  #lastInboundAt = 0
  #pingMs: number | undefined

  constructor(deps: ConnectionDeps) {
    this.#deps = deps
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }
  /** Unix ms of the last frame from MAX; 0 before the first. */
  get lastInboundAt(): number {
    return this.#lastInboundAt
  }
  /** Round trip of the last answered ping. */
  get pingMs(): number | undefined {
    return this.#pingMs
  }
  /** Calls without an answer. */
  get pendingCalls(): number {
    return this.#pending.size
  }

  /**
   * Dials and introduces the client; afterwards `call` may be used.
   * @param init payload of SESSION_INIT
   * @returns MAX's greeting
   * @throws {GatewayError} MAX_UNAVAILABLE when no connection comes about, or MAX's refusal.
   */
  async open(init: WireMap): Promise<WireMap> {
    if (this.#phase !== 'idle') throw new GatewayError('CONFLICT', 'the connection was used before')
    this.#phase = 'dialing'
    const { clock, dial } = this.#deps
    const stopDeadline = clock.after(Limit.connectTimeoutMs, () => this.close('connect timeout'))
    let socket: MaxSocket
    try {
      socket = await dial(this.#abort.signal)
    } catch (cause) {
      stopDeadline()
      this.close('dial failed')
      throw new GatewayError('MAX_UNAVAILABLE', 'cannot connect to MAX', { cause })
    }
    stopDeadline()
    if (this.#abort.signal.aborted) {
      socket.close('closed while dialing')
      throw new GatewayError('MAX_UNAVAILABLE', 'the connection was closed while dialing')
    }
    this.#socket = socket
    this.#phase = 'open'
    this.#lastInboundAt = clock.now()
    const read = frameReader(this.#deps.codec)
    socket.onDown = (reason) => this.close(reason)
    socket.onData = (data) => this.#receive(read, data)
    try {
      return await this.call(Opcode.SESSION_INIT, init)
    } catch (error) {
      this.close('greeting failed')
      throw error
    }
  }

  /**
   * Sends a request and waits for its own answer.
   * @throws {GatewayError} MAX's refusal; MAX_TIMEOUT after `timeoutMs`; NOT_CONNECTED when the
   *   connection is or gets closed. `mayHaveActed` tells whether the request had left by then.
   */
  call(
    opcode: Opcode,
    payload: WireMap,
    timeoutMs: number = Limit.callTimeoutMs,
  ): Promise<WireMap> {
    return new Promise((resolve, reject) => {
      if (this.#phase !== 'open') {
        reject(new GatewayError('NOT_CONNECTED', 'the connection to MAX is closed'))
        return
      }
      const seq = this.#takeSeq()
      if (seq === undefined) {
        reject(new GatewayError('MAX_UNAVAILABLE', 'too many unanswered requests'))
        return
      }
      const data = this.#deps.codec.encode({ cmd: Command.REQUEST, seq, opcode, payload })
      const stopDeadline = this.#deps.clock.after(timeoutMs, () => {
        this.#pending.delete(seq)
        this.#abandoned.add(seq)
        reject(new GatewayError('MAX_TIMEOUT', undefined, { cause: new LostAnswer('timeout') }))
      })
      this.#pending.set(seq, {
        opcode,
        resolve: (value) => resolve(asMap(value)),
        reject,
        stopDeadline,
      })
      this.#socket?.send(data)
    })
  }

  /**
   * Tells MAX that a message push is safely stored (wire-and-auth.md §4.4: the push's own number, both
   * ids). The JSON generation of clients never did (§3), so neither do we there.
   */
  acknowledge(push: Frame, ids: WireMap): void {
    if (this.#deps.codec.encoding === 'json') return
    this.#answer(push, ids)
  }

  /** Sends a keepalive, or closes the connection when the last ones went unanswered. */
  heartbeat(interactive: boolean): void {
    if (this.#phase !== 'open') return
    if (this.#unansweredPings >= Limit.unansweredPings) {
      this.close('ping timeout')
      return
    }
    this.#unansweredPings += 1
    const sentAt = this.#deps.clock.now()
    this.call(Opcode.PING, { interactive }, Limit.pingIntervalMs * Limit.unansweredPings).then(
      () => {
        this.#pingMs = this.#deps.clock.now() - sentAt
      },
      (error: unknown) => {
        // An error frame is an answer too; silence is counted by the next heartbeat.
        this.#deps.log('debug', 'ping failed', { code: (error as GatewayError).code })
      },
    )
  }

  /** Closes and settles everything that waits. Idempotent. */
  close(reason: string): void {
    if (this.#phase === 'closed') return
    const wasOpen = this.#phase === 'open'
    this.#phase = 'closed'
    this.#abort.abort()
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    this.#abandoned.clear()
    for (const pending of waiting) {
      pending.stopDeadline()
      pending.reject(
        new GatewayError('NOT_CONNECTED', 'the connection to MAX was lost before the answer', {
          cause: new LostAnswer(reason),
        }),
      )
    }
    this.#socket?.close(reason)
    if (wasOpen) this.#deps.onClosed(reason)
  }

  #receive(read: (data: Uint8Array | string) => Frame[], data: Uint8Array | string): void {
    if (this.#phase !== 'open') return
    this.#lastInboundAt = this.#deps.clock.now()
    this.#unansweredPings = 0
    let frames: Frame[]
    try {
      frames = read(data)
    } catch (error) {
      const code = error instanceof FrameError ? error.code : 'unknown'
      this.#deps.log('warn', 'unreadable frame', { code })
      this.close('unreadable frame')
      return
    }
    for (const frame of frames) {
      // A handler may have closed the connection over an earlier frame.
      if (this.#phase === 'open') this.#dispatch(frame)
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.cmd === Command.REQUEST) {
      // A push may carry the number of a pending call: only `cmd` tells them apart (§4.3).
      if (frame.opcode === Opcode.PING) this.#answer(frame, {})
      else this.#deps.onPush(frame)
      return
    }
    const pending = this.#pending.get(frame.seq)
    if (pending === undefined || pending.opcode !== frame.opcode) {
      const late = this.#abandoned.delete(frame.seq)
      this.#deps.log('debug', late ? 'late answer' : 'answer to nothing', {
        opcode: opcodeName(frame.opcode),
      })
      return
    }
    this.#pending.delete(frame.seq)
    pending.stopDeadline()
    if (frame.cmd === Command.OK) pending.resolve(frame.payload)
    else if (frame.cmd === Command.ERROR) pending.reject(fromMaxError(parseMaxError(frame.payload)))
    // Never captured; some clients read it as "unknown command" (§4.2).
    else pending.reject(new GatewayError('BAD_UPSTREAM', `MAX answered with command ${frame.cmd}`))
  }

  #answer(push: Frame, payload: WireMap): void {
    if (this.#phase !== 'open') return
    const { seq, opcode } = push
    this.#socket?.send(this.#deps.codec.encode({ cmd: Command.OK, seq, opcode, payload }))
  }

  /** The next free number; after 65535 comes 0 (§4.3). */
  #takeSeq(): number | undefined {
    for (let tries = 0; tries <= MAX_SEQ; tries += 1) {
      const seq = this.#nextSeq
      this.#nextSeq = seq === MAX_SEQ ? 0 : seq + 1
      if (!this.#pending.has(seq) && !this.#abandoned.has(seq)) return seq
    }
    return undefined
  }
}
