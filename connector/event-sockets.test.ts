import { describe, expect, it } from 'vitest'
import { createEventLog } from '../test/support/event-log.ts'
import { settle } from '../test/support/fake-clock.ts'
import {
  ACK_GRACE_MS,
  CloseCode,
  type EventSocket,
  EventSockets,
  type StreamPlace,
} from './event-sockets.ts'
import { WINDOW_BYTES, WINDOW_EVENTS } from './send-window.ts'

/** The object's end of a socket; what is attached is cloned, as the runtime does. */
class FakeSocket implements EventSocket {
  readonly sent: number[] = []
  closed: { code: number; reason: string } | undefined
  #attachment = ''

  get readyState(): number {
    return this.closed === undefined ? 1 : 2
  }

  send(text: string): void {
    if (this.closed) throw new TypeError("can't send after close")
    this.sent.push((JSON.parse(text) as { sequence: number }).sequence)
  }
  close(code: number, reason: string): void {
    this.closed ??= { code, reason }
  }
  serializeAttachment(state: unknown): void {
    this.#attachment = JSON.stringify(state)
  }
  deserializeAttachment(): unknown {
    return JSON.parse(this.#attachment)
  }
}

const createStreams = () => {
  const log = createEventLog()
  const open: FakeSocket[] = []
  const build = () => {
    const sockets = new EventSockets({
      clock: log.clock,
      log: log.reader,
      sockets: () => open,
    })
    log.reader.listen(() => sockets.appended())
    return sockets
  }
  let sockets = build()
  return {
    log,
    get sockets() {
      return sockets
    },
    connect: (place: Partial<StreamPlace> = {}): FakeSocket => {
      const socket = new FakeSocket()
      open.push(socket)
      sockets.open(socket, { after: 0, types: ['All'], ...place })
      return socket
    },
    ack: (socket: FakeSocket, sequence: number) =>
      sockets.message(socket, JSON.stringify({ ack: sequence })),
    /** The object loses its memory; its sockets stay. */
    forget: () => {
      log.restart()
      sockets = build()
      sockets.pump()
    },
  }
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('a web socket', () => {
  it('[RD5] gets what is behind its place, and then what comes', async () => {
    const { log, connect } = createStreams()
    log.fill(250)
    const socket = connect({ after: 100 })
    expect(socket.sent).toEqual(range(101, 250))
    log.append()
    log.append()
    await settle()
    expect(socket.sent).toEqual(range(101, 252))
  })

  it('[RD5] loses and repeats nothing when the object loses its memory', async () => {
    const { log, connect, forget, ack } = createStreams()
    const socket = connect({ reader: 'crm' })
    log.fill(3)
    await settle()
    // Stored, and then the memory is gone before it could be sent.
    log.append()
    forget()
    log.append()
    await settle()
    expect(socket.sent).toEqual(range(1, 5))
    ack(socket, 4)
    expect(log.reader.readers().readers).toMatchObject([{ reader: 'crm', sequence: 4 }])
  })

  it('[RD5] hears only what its filter lets through', async () => {
    const { log, connect } = createStreams()
    const socket = connect({ types: ['Typing'], chats: ['7'] })
    log.append({ type: 'Typing', chatId: '8' })
    log.append({ type: 'Typing', chatId: '7' })
    log.append({ chatId: '7' })
    await settle()
    expect(socket.sent).toEqual([2])
  })

  it('[RD6] that never acknowledges is closed at the end of the window, to resume there', async () => {
    const { log, connect, ack } = createStreams()
    log.fill(WINDOW_EVENTS + 5)
    const socket = connect()
    expect(socket.sent).toEqual(range(1, WINDOW_EVENTS))
    await log.clock.advance(ACK_GRACE_MS - 1)
    expect(socket.closed).toBeUndefined()
    await log.clock.advance(1)
    expect(socket.closed).toMatchObject({ code: CloseCode.NOT_ACKNOWLEDGED })
    expect(socket.closed?.reason).toContain(`after ${WINDOW_EVENTS}`)
    ack(socket, 5)
    expect(connect({ after: WINDOW_EVENTS }).sent).toEqual(range(1_001, 1_005))
    expect(log.clock.pendingTimers).toBe(0)
  })

  it('[RD6] has its time anew for each window, and over the loss of memory', async () => {
    const { log, connect, forget } = createStreams()
    log.fill(WINDOW_EVENTS + 1)
    const early = connect()
    await log.clock.advance(ACK_GRACE_MS / 2)
    const late = connect()
    forget()
    await log.clock.advance(ACK_GRACE_MS / 2)
    expect([early.closed?.code, late.closed]).toEqual([CloseCode.NOT_ACKNOWLEDGED, undefined])
    await log.clock.advance(ACK_GRACE_MS)
    expect(late.closed?.code).toBe(CloseCode.NOT_ACKNOWLEDGED)
  })

  it('[RD6] that acknowledges is waited for, and goes on', async () => {
    const { log, connect, ack } = createStreams()
    const socket = connect()
    log.append()
    await settle()
    ack(socket, 1)
    log.fill(3 * WINDOW_EVENTS)
    await settle()
    expect(socket.sent).toEqual(range(1, WINDOW_EVENTS + 1))
    ack(socket, 2)
    expect(socket.sent.length).toBe(WINDOW_EVENTS + 1)
    ack(socket, WINDOW_EVENTS / 2 + 1)
    expect(socket.sent).toEqual(range(1, WINDOW_EVENTS * 1.5 + 1))
    for (const each of range(WINDOW_EVENTS / 2 + 2, 3 * WINDOW_EVENTS)) {
      if (each <= (socket.sent.at(-1) ?? 0)) ack(socket, each)
    }
    expect(socket.sent).toEqual(range(1, 3 * WINDOW_EVENTS + 1))
    expect(socket.closed).toBeUndefined()
  })

  it('[RD6] is not ahead by more than the bytes of the window, unless one event is larger', () => {
    const { log, connect, ack } = createStreams()
    for (const bytes of [WINDOW_BYTES * 1.5, 10, 10]) log.append({ bytes })
    const socket = connect()
    expect(socket.sent).toEqual([1])
    ack(socket, 1)
    expect(socket.sent).toEqual([1, 2, 3])
  })

  it.each([
    '',
    'null',
    '[]',
    '{"ack":"1"}',
    '{"ack":-1}',
    '{"ack":1.5}',
    '{"ack":2}',
  ])('is closed when it says %j', (message) => {
    const { log, connect, sockets } = createStreams()
    log.append()
    const socket = connect()
    sockets.message(socket, message)
    expect(socket.closed).toMatchObject({ code: CloseCode.BAD_MESSAGE })
  })

  it('is closed when it sends bytes or a book', () => {
    const { connect, sockets } = createStreams()
    for (const message of [new ArrayBuffer(2), `{"ack":0${' '.repeat(2_000)}}`]) {
      const socket = connect()
      sockets.message(socket, message)
      expect(socket.closed).toMatchObject({ code: CloseCode.BAD_MESSAGE })
    }
  })

  it('[RD2] is closed when its events are gone', async () => {
    const { log, connect, ack } = createStreams()
    const socket = connect()
    log.append()
    await settle()
    ack(socket, 1)
    log.fill(WINDOW_EVENTS + 10)
    await settle()
    log.deleteThrough(WINDOW_EVENTS + 5)
    ack(socket, WINDOW_EVENTS + 1)
    expect(socket.closed).toMatchObject({ code: CloseCode.EVENTS_GONE })
    expect(socket.closed?.reason).toContain(`before ${WINDOW_EVENTS + 6}`)
  })

  it('[RD7] is closed with all others when the token changes', () => {
    const { connect, sockets } = createStreams()
    const all = [connect(), connect()]
    sockets.closeAll(CloseCode.UNAUTHORIZED, 'the token has changed')
    expect(all.map(({ closed }) => closed?.code)).toEqual([4401, 4401])
  })
})
