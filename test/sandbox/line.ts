import { createCodec, type Encoding, type FrameCodec } from '../../connector/frame.ts'
import { Simulator, type SimulatorOptions } from '../../sandbox/simulator.ts'
import { Opcode } from '../../schema/opcodes.ts'
import { asMap, Command, type Frame, type WireMap, type WireValue } from '../../schema/wire.ts'
import { loginPayload } from './payloads.ts'

/** A clock that stands until it is moved, and runs what is due on the way. */
export class ManualClock {
  #now = 1_790_000_000_000
  #tasks = new Set<{ at: number; run: () => void }>()

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { at: this.#now + delayMs, run }
    this.#tasks.add(task)
    return () => this.#tasks.delete(task)
  }

  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const due = [...this.#tasks].filter((task) => task.at <= until)
      const next = due.sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#tasks.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
    }
    this.#now = until
  }
}

/** Repeats itself from run to run. */
export const seededRandom = (seed = 1): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export const createSimulator = (options: Partial<SimulatorOptions> = {}) => {
  const clock = new ManualClock()
  const settings = { pushPresence: false, idleCloseMs: 0, ...options.settings }
  const sim = new Simulator({ clock, random: seededRandom(), ...options, settings })
  return { sim, clock }
}

/** An error answer. */
export class Refused extends Error {
  readonly code: string
  constructor(payload: WireMap) {
    super(`${payload.error}: ${payload.message}`)
    this.code = String(payload.error)
  }
}

const webAgent = { deviceType: 'WEB', appVersion: '26.10.1', deviceName: 'Chrome' }
const mobileAgent = { deviceType: 'ANDROID', appVersion: '26.28.0', deviceName: 'Pixel' }

/**
 * One client connection over the simulator itself: no sockets, no waiting. Answers come back within
 * `call`, in the same turn.
 */
export class TestLine {
  readonly sim: Simulator
  readonly frames: Frame[] = []
  readonly #codec: FrameCodec
  readonly #line: ReturnType<Simulator['open']>
  #seq = 0
  closed: { code: number | undefined; reason: string } | undefined

  constructor(sim: Simulator, encoding: Encoding = 'binary') {
    this.sim = sim
    this.#codec = createCodec({ encoding, side: 'client' })
    this.#line = sim.open({
      transport: encoding === 'tcp' ? 'tcp' : 'websocket',
      send: (data) => {
        if (!this.closed) this.frames.push(this.#codec.decode(data))
      },
      close: (code, reason) => {
        this.closed = { code, reason }
      },
    })
  }

  send(frame: Omit<Frame, 'ver'>): void {
    this.#line.receive(this.#codec.encode(frame))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#line.receive(bytes)
  }

  /** Sends a request; `undefined` when it stays unanswered. */
  request(opcode: number, payload: WireValue = null): Frame | undefined {
    const seq = this.#seq++
    const at = this.frames.length
    this.send({ cmd: Command.REQUEST, seq, opcode, payload })
    return this.frames
      .slice(at)
      .find(
        (frame) => frame.cmd !== Command.REQUEST && frame.seq === seq && frame.opcode === opcode,
      )
  }

  call(opcode: number, payload: WireValue = null): WireMap {
    const answer = this.request(opcode, payload)
    if (!answer) throw new Error(`no answer to ${opcode}`)
    if (answer.cmd === Command.ERROR) throw new Refused(asMap(answer.payload))
    return asMap(answer.payload)
  }

  /** The error code that an operation ends with. */
  refusal(opcode: number, payload: WireValue = null): string {
    try {
      this.call(opcode, payload)
    } catch (error) {
      if (error instanceof Refused) return error.code
      throw error
    }
    return 'none'
  }

  /** Server frames of one kind, and forgets them. */
  take(opcode: number): WireMap[] {
    const pushed = this.frames.filter(
      (frame) => frame.cmd === Command.REQUEST && frame.opcode === opcode,
    )
    for (const frame of pushed) this.frames.splice(this.frames.indexOf(frame), 1)
    return pushed.map((frame) => asMap(frame.payload))
  }

  greet(kind: 'web' | 'mobile' = this.#codec.encoding === 'tcp' ? 'mobile' : 'web'): this {
    const userAgent = kind === 'web' ? webAgent : mobileAgent
    this.call(Opcode.SESSION_INIT, { userAgent, deviceId: `device-${kind}` })
    return this
  }

  login(token: string, extra: WireMap = {}): WireMap {
    this.greet()
    return this.call(Opcode.LOGIN, loginPayload(token, extra))
  }

  acknowledge(push: WireMap): void {
    const { chatId, message } = push
    const payload = { chatId, messageId: asMap(message).id }
    this.send({ cmd: Command.OK, seq: 0, opcode: Opcode.NOTIF_MESSAGE, payload })
  }

  drop(): void {
    this.closed = { code: undefined, reason: 'dropped by the client' }
    this.#line.closed()
  }
}

/** Two people who know each other, each online once. */
export const createPair = (options: Partial<SimulatorOptions> = {}) => {
  const { sim, clock } = createSimulator(options)
  const anna = sim.direct.createAccount({ firstName: 'Анна' })
  const bob = sim.direct.createAccount({ firstName: 'Bob' })
  const chatId = sim.direct.befriend(anna.id, bob.id).chat.id
  const annaToken = sim.direct.issueToken(anna.id).token
  const bobToken = sim.direct.issueToken(bob.id).token
  const annaLine = new TestLine(sim)
  const bobLine = new TestLine(sim)
  annaLine.login(annaToken)
  bobLine.login(bobToken)
  let cid = 1
  const write = (line: TestLine, text: string, extra: WireMap = {}): WireMap =>
    line.call(Opcode.MSG_SEND, {
      chatId,
      message: { cid: cid++, text, ...extra },
      notify: true,
    })
  return { sim, clock, anna, bob, chatId, annaToken, bobToken, annaLine, bobLine, write }
}
