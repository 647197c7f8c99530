import { GatewayError } from '../schema/errors.ts'
import type { LogFilter, LogPage } from '../schema/log-port.ts'
import type { Clock } from './clock.ts'
import type { LogReader } from './log-reader.ts'
import { emptyWindow, isFull, noteAcked, noteSent, type SendWindow } from './send-window.ts'

/** What a web socket is opened with. */
export interface StreamPlace extends LogFilter {
  after: number
  /** Reader whose place an acknowledgement moves. */
  reader?: string | undefined
}

/** What the edge asks an object for after it has checked who asks. */
export interface StreamOpening extends StreamPlace {
  generation: number
}

export const upgradeRequest = (opening: StreamOpening): Request =>
  new Request(
    `https://session/events?${new URLSearchParams({ opening: JSON.stringify(opening) })}`,
    {
      headers: { Upgrade: 'websocket' },
    },
  )

export const readUpgrade = (request: Request): StreamOpening =>
  JSON.parse(new URL(request.url).searchParams.get('opening') ?? '{}') as StreamOpening

/** What is known of a socket. It outlives the object's memory, as the socket does. */
interface StreamState extends StreamPlace {
  window: SendWindow
  /** Since when its window has no room, in Unix ms. */
  fullSince?: number | undefined
}

/** The part of a hibernatable web socket that is used here. */
export interface EventSocket {
  /** 1 while it is open. */
  readonly readyState: number
  send(text: string): void
  close(code: number, reason: string): void
  serializeAttachment(state: unknown): void
  deserializeAttachment(): unknown
}

/** Why a socket is closed; RFC 6455 leaves these numbers to applications. */
export const CloseCode = {
  BAD_MESSAGE: 4400,
  UNAUTHORIZED: 4401,
  NOT_ACKNOWLEDGED: 4408,
  EVENTS_GONE: 4410,
} as const

export const MAX_SOCKETS = 20
/** How long a client that never acknowledged has for it when its window is full. */
export const ACK_GRACE_MS = 10_000
const STEP_EVENTS = 100
const OPEN = 1
const MAX_MESSAGE = 1_024

export interface EventSocketsDeps {
  clock: Clock
  log: Pick<LogReader, 'page' | 'acknowledge'>
  /** All that there are. */
  sockets(): readonly EventSocket[]
}

/**
 * Web sockets that get the event log as it grows. A socket tells nobody how much of what was sent it
 * still holds (workerd issue 988), so the client says how far it is, and is never left behind by more
 * than a window. Rules RD in SPEC.md.
 */
export class EventSockets {
  readonly #deps: EventSocketsDeps
  #isDue = false
  #isUrging = false

  constructor(deps: EventSocketsDeps) {
    this.#deps = deps
  }

  open(socket: EventSocket, place: StreamPlace): void {
    save(socket, { ...place, window: emptyWindow() })
    this.#pump(socket)
  }

  /** The log has grown. Events of one turn go out together. */
  appended(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      this.pump()
    })
  }

  /** Sends every socket what it lacks. */
  pump(): void {
    for (const socket of this.#deps.sockets()) this.#pump(socket)
  }

  /** A client's word: `{"ack": sequence}`. */
  message(socket: EventSocket, message: string | ArrayBuffer): void {
    if (socket.readyState !== OPEN) return
    const sequence = readAck(message)
    const state = stateOf(socket)
    if (sequence === undefined || sequence > state.after) {
      socket.close(CloseCode.BAD_MESSAGE, 'expected {"ack": sequence of an event that was sent}')
      return
    }
    if (this.#guarded(socket, () => this.#acknowledge(state, sequence)) === undefined) return
    save(socket, state)
    this.#pump(socket)
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#deps.sockets()) {
      if (socket.readyState === OPEN) socket.close(code, reason)
    }
  }

  #acknowledge({ reader, window, after }: StreamState, sequence: number): true {
    if (reader !== undefined) this.#deps.log.acknowledge(reader, sequence)
    noteAcked(window, sequence, after)
    return true
  }

  #pump(socket: EventSocket): void {
    if (socket.readyState !== OPEN) return
    const state = stateOf(socket)
    for (;;) {
      const page = this.#guarded(socket, () => this.#page(state))
      if (page === undefined) return
      const isFull = !send(socket, state, page)
      state.fullSince = isFull ? (state.fullSince ?? this.#deps.clock.now()) : undefined
      save(socket, state)
      if (isFull && !state.window.hasAcked) this.#urge(socket, state)
      if (isFull || !page.hasMore) return
    }
  }

  /** A client that does not know of acknowledgements resumes by connecting again. */
  #urge(socket: EventSocket, { after, fullSince = 0 }: StreamState): void {
    const { clock } = this.#deps
    if (clock.now() - fullSince >= ACK_GRACE_MS) {
      socket.close(CloseCode.NOT_ACKNOWLEDGED, `go on after ${after}, and say {"ack": …}`)
    } else if (!this.#isUrging) {
      this.#isUrging = true
      clock.after(ACK_GRACE_MS, () => {
        this.#isUrging = false
        this.pump()
      })
    }
  }

  #page(state: StreamState): LogPage {
    return this.#deps.log.page(state.after, STEP_EVENTS, state)
  }

  /** What the log refuses ends the socket: its client has to begin anew. */
  #guarded<Result>(socket: EventSocket, work: () => Result): Result | undefined {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const isGone = error.code === 'EVENTS_GONE'
      socket.close(isGone ? CloseCode.EVENTS_GONE : CloseCode.BAD_MESSAGE, error.message)
      return undefined
    }
  }
}

/** Sends a page and moves the place; `false` when the window has no room for all of it. */
const send = (socket: EventSocket, state: StreamState, { events, after }: LogPage): boolean => {
  for (const { sequence, body } of events) {
    const bytes = Buffer.byteLength(body)
    if (isFull(state.window, bytes)) return false
    socket.send(body)
    state.after = sequence
    noteSent(state.window, sequence, bytes)
  }
  state.after = after
  return true
}

const stateOf = (socket: EventSocket): StreamState => socket.deserializeAttachment() as StreamState
const save = (socket: EventSocket, state: StreamState): void => socket.serializeAttachment(state)

const readAck = (message: string | ArrayBuffer): number | undefined => {
  if (typeof message !== 'string' || message.length > MAX_MESSAGE) return undefined
  try {
    const { ack } = JSON.parse(message) as { ack?: unknown }
    return typeof ack === 'number' && Number.isSafeInteger(ack) && ack >= 0 ? ack : undefined
  } catch {
    return undefined
  }
}
