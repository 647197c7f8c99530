import { FrameError } from '../connector/frame.ts'
import { Opcode } from '../schema/opcodes.ts'
import { asMap, Command, type Frame, type WireMap } from '../schema/wire.ts'
import { CodeLimits } from './code-limits.ts'
import { Connection, type Link, type Snapshot } from './connection.ts'
import { Director } from './director.ts'
import { FaultScript, type Verdict } from './faults.ts'
import { Fields } from './fields.ts'
import { type Blobs, MemoryBlobs } from './media/blobs.ts'
import { MediaServer } from './media/server.ts'
import { fireDelayed } from './operations/delayed.ts'
import type { OpenCall } from './operations/operation.ts'
import { operations } from './operations/table.ts'
import { Pushes } from './pushes.ts'
import { chatNotFound, malformed, Refusal } from './refusal.ts'
import { type Clock, defaultSettings, type Host, type Settings } from './settings.ts'
import type { Storage } from './storage.ts'
import { World } from './world.ts'

export interface SimulatorOptions extends Host {
  storage?: Storage | undefined
  /** Where uploads go; default: memory. */
  blobs?: Blobs
  settings?: Partial<Settings>
  /** Asks for `tick` at a time, or for none; default: a timer of the clock. */
  wakeAt?: (at: number | undefined) => void
}

/** What a host holds of a connection. */
export interface Line {
  /** Bytes of a TCP stream, or one web socket message. */
  receive(data: Uint8Array | string): void
  /** The socket is gone. */
  closed(): void
  snapshot(): Snapshot
}

/**
 * A MAX server without sockets: hosts bring lines, {@link Director} plays the people behind the other
 * phones. Everything happens in the turn of its cause, so one turn is one transaction.
 */
export class Simulator {
  readonly world: World
  readonly settings: Settings
  readonly direct: Director
  readonly #host: Host
  readonly #pushes: Pushes
  readonly #faults: FaultScript
  readonly #codes = new CodeLimits()
  readonly #connections = new Set<Connection>()
  /** The upload and download servers: what a host gets under the path of `settings.mediaUrl`. */
  readonly media: MediaServer

  constructor(options: SimulatorOptions) {
    this.#host = options
    this.settings = { ...defaultSettings, ...options.settings }
    this.world = new World(options, options.storage)
    const { clock, wakeAt = wakeByTimer(clock, () => this.tick()) } = options
    this.world.delayed.onChange = () => wakeAt(this.world.delayed.nextAt)
    if (this.world.delayed.nextAt !== undefined) this.world.delayed.onChange()
    this.#faults = new FaultScript(this.world.faults)
    this.#pushes = new Pushes(this.world, this.settings)
    this.direct = new Director({
      world: this.world,
      pushes: this.#pushes,
      faults: this.#faults,
      connections: this.#connections,
      host: options,
    })
    this.media = new MediaServer({
      uploads: this.world.uploads,
      blobs: options.blobs ?? new MemoryBlobs(),
      settings: this.settings,
      faults: this.#faults,
      pushes: this.#pushes,
      clock: options.clock,
    })
  }

  /** What time makes due: scheduled messages. */
  tick(): void {
    fireDelayed(this.world, this.#pushes)
    this.world.delayed.onChange()
    this.#pushes.flush()
  }

  /** A new line, or one that outlived the host's sleep together with its snapshot. */
  open(link: Link, snapshot?: Snapshot): Line {
    const idle = new IdleWatch(this.settings.idleCloseMs, this.#host.clock)
    const connection = new Connection(link, this.settings, (ended) => {
      idle.cancel()
      this.#connections.delete(ended)
      if (ended.session) this.#pushes.leave(ended.session.userId, ended)
    })
    idle.start(() => {
      connection.close(1000, 'idle')
      this.#pushes.flush()
    })
    this.#connections.add(connection)
    if (snapshot) this.#restore(connection, snapshot)
    return {
      receive: (data) => {
        this.#receive(connection, data, idle)
        this.#pushes.flush()
      },
      closed: () => {
        connection.closed()
        this.#pushes.flush()
      },
      snapshot: () => connection.snapshot(),
    }
  }

  #restore(connection: Connection, snapshot: Snapshot): void {
    const session = this.world.sessions.byId(snapshot.stage.sessionId ?? '')
    connection.restore(snapshot, session)
    if (connection.session) this.#pushes.join(connection.session.userId, connection)
  }

  #receive(connection: Connection, data: Uint8Array | string, idle: IdleWatch): void {
    let frames: Frame[]
    try {
      frames = connection.decode(data)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#refuseFrame(connection, error)
      return
    }
    for (const frame of frames) {
      if (!connection.isOpen) return
      if (frame.opcode !== Opcode.PING || connection.interactive) idle.touch()
      if (frame.cmd === Command.REQUEST) this.#dispatch(connection, frame)
      else if (frame.cmd === Command.OK) this.#acknowledged(connection, frame)
    }
  }

  /** A float where an integer is due is answered; what cannot be read at all ends the connection. */
  #refuseFrame(connection: Connection, error: FrameError): void {
    const greeted = connection.stage.name !== 'open'
    if (error.header && greeted) {
      connection.refuse(error.header, errorPayload(malformed(`Expected number: ${error.message}`)))
    }
    const survives = error.code === 'float' && connection.encoding !== 'tcp'
    if (!survives) connection.close(1002, 'protocol error')
  }

  #dispatch(connection: Connection, frame: Frame): void {
    // Before INIT nothing is answered at all (wire-and-auth.md §5).
    if (connection.stage.name === 'open' && frame.opcode !== Opcode.SESSION_INIT) return
    const verdict = this.#faults.next(frame.opcode, this.#userOf(connection, frame))
    try {
      if (verdict.kind === 'error') throw new Refusal(verdict.code, verdict.code)
      const payload = this.#run(connection, frame)
      this.#deliver(connection, verdict, () => connection.answer(frame, payload))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#deliver(connection, verdict, () => connection.refuse(frame, errorPayload(error)))
      if (error.closes) connection.close(1000, error.code)
    }
    this.#pushes.flush()
  }

  #run(connection: Connection, frame: Frame): WireMap | null {
    const operation = operations[frame.opcode]
    if (!operation) throw new Refusal('proto.opcode', `Unknown opcode ${frame.opcode}`)
    const { stage } = connection
    const call: OpenCall = {
      world: this.world,
      pushes: this.#pushes,
      settings: this.settings,
      connection,
      fields: new Fields(frame.payload, { stringIds: connection.encoding === 'json' }),
      codes: this.#codes,
      approveQr: (userId, link) => this.direct.approveQr(userId, link),
    }
    if (operation.from === 'open') return operation.run(call)
    if (stage.name === 'open') throw notNow()
    if (operation.from === 'greeted') return operation.run({ ...call, device: stage.device })
    if (stage.name !== 'online' || !this.world.sessions.byId(stage.session.id)) throw notNow()
    const { device, session } = stage
    const account = this.world.accounts.get(session.userId)
    if (!account) throw chatNotFound()
    return operation.run({ ...call, device, session, account })
  }

  #deliver(connection: Connection, verdict: Verdict, send: () => void): void {
    if (verdict.kind === 'hang') return
    if (verdict.kind === 'slow') this.#host.clock.after(verdict.delayMs, send)
    else if (verdict.kind === 'drop') connection.close(undefined, 'dropped on purpose')
    else if (verdict.kind === 'garbage') this.direct.sendGarbage(connection)
    else send()
  }

  /** Whose connection it is; a LOGIN is already its account's. */
  #userOf(connection: Connection, frame: Frame): number | undefined {
    if (connection.session) return connection.session.userId
    const { token } = asMap(frame.payload)
    if (frame.opcode !== Opcode.LOGIN || typeof token !== 'string') return undefined
    return this.world.sessions.byToken(token)?.userId
  }

  /** The client's word that it has a pushed message; a PING needs none. */
  #acknowledged(connection: Connection, frame: Frame): void {
    const { session } = connection
    if (!session || frame.opcode !== Opcode.NOTIF_MESSAGE) return
    try {
      const fields = new Fields(frame.payload, { stringIds: true })
      const messageId = fields.messageId('messageId')
      const state = this.world.chat(session.userId, fields.integer('chatId'))
      if (state) this.world.sessions.acknowledge(session, { chatKey: state.chat.key, messageId })
    } catch (error) {
      // Nothing answers an answer: a malformed one counts as none.
      if (!(error instanceof Refusal)) throw error
    }
  }
}

/** One timer for the next thing that is due. */
const wakeByTimer = (clock: Clock, wake: () => void): ((at: number | undefined) => void) => {
  let cancel: () => void = () => {}
  return (at) => {
    cancel()
    if (at !== undefined)
      cancel = clock.after(Math.min(Math.max(0, at - clock.now()), DAY_MS), wake)
  }
}

/** Longer timers overflow; one that rings too early finds nothing due and sets the next. */
const DAY_MS = 86_400_000

/** Closes a client that nobody looks at: what is left out of `touch` does not keep it (§12). */
class IdleWatch {
  readonly #idleMs: number
  readonly #clock: Clock
  #lastAt = 0
  #cancel: () => void = () => {}

  constructor(idleMs: number, clock: Clock) {
    this.#idleMs = idleMs
    this.#clock = clock
  }

  start(onIdle: () => void): void {
    if (this.#idleMs === 0) return
    this.touch()
    const check = (): void => {
      const leftMs = this.#lastAt + this.#idleMs - this.#clock.now()
      if (leftMs <= 0) onIdle()
      else this.#cancel = this.#clock.after(leftMs, check)
    }
    this.#cancel = this.#clock.after(this.#idleMs, check)
  }

  touch(): void {
    this.#lastAt = this.#clock.now()
  }

  cancel(): void {
    this.#cancel()
  }
}

const notNow = (): Refusal => new Refusal('session.state', 'Not allowed in this state')

const errorPayload = (refusal: Refusal): WireMap => ({
  error: refusal.code,
  message: refusal.message,
  localizedMessage: refusal.message,
})
