import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { type Frame, Limit, type WireMap, wireId } from '../schema/wire.ts'
import { FakeClock, settle } from '../test/support/fake-clock.ts'
import { codeOf } from '../test/support/live.ts'
import { type ServerEnd, socketPairs } from '../test/support/socket-pair.ts'
import { MaxConnection } from './connection.ts'
import { createCodec, type Encoding } from './frame.ts'

const setup = async (encoding: Encoding = 'binary', { greet = true } = {}) => {
  const clock = new FakeClock()
  const pairs = socketPairs(
    createCodec({ encoding, side: 'client' }),
    createCodec({ encoding, side: 'server' }),
  )
  const pushes: Frame[] = []
  const closed: string[] = []
  pairs.control.onEnd = (end) => {
    end.onFrame = (frame) => {
      if (frame.opcode === Opcode.SESSION_INIT && greet) answer(end, frame, { location: 'RU' })
    }
  }
  const connection = new MaxConnection({
    dial: pairs.dial,
    codec: pairs.clientCodec,
    clock,
    log: () => {},
    onPush: (push) => pushes.push(push),
    onClosed: (reason) => closed.push(reason),
  })
  const opening = connection.open({ deviceId: 'd' })
  opening.catch(() => {})
  await settle()
  const end = pairs.ends[0]!
  return { clock, connection, opening, end, pushes, closed, pairs }
}

const answer = (end: ServerEnd, { seq, opcode }: Frame, payload: WireMap, cmd = 1) =>
  end.send({ cmd, seq, opcode, payload })

describe('MaxConnection', () => {
  it('[CN1] greets first, with sequence number 0', async () => {
    const { opening, end } = await setup()
    await expect(opening).resolves.toEqual({ location: 'RU' })
    expect(end.received[0]).toMatchObject({ cmd: 0, seq: 0, opcode: Opcode.SESSION_INIT })
  })

  it('[defect 6] [CN2] a push is never taken for an answer, even with the number of a pending call', async () => {
    const { connection, end, pushes } = await setup()
    const call = connection.call(Opcode.CHAT_HISTORY, {})
    const request = end.received.at(-1)!
    end.send({ cmd: 0, seq: request.seq, opcode: request.opcode, payload: { push: true } })
    expect(pushes).toHaveLength(1)
    answer(end, request, { messages: [] })
    await expect(call).resolves.toEqual({ messages: [] })
  })

  it('[CN2] an answer of another operation does not settle a call', async () => {
    const { connection, end } = await setup()
    const call = connection.call(Opcode.CHAT_HISTORY, {})
    const request = end.received.at(-1)!
    end.send({ cmd: 1, seq: request.seq, opcode: Opcode.MSG_SEND, payload: {} })
    expect(connection.pendingCalls).toBe(1)
    answer(end, request, {})
    await call
  })

  it('[CN3] an error answer rejects with the refusal of MAX', async () => {
    const { connection, end } = await setup()
    const call = connection.call(Opcode.MSG_SEND, {})
    answer(end, end.received.at(-1)!, { error: 'not.found', title: 'Нет такого чата' }, 3)
    await expect(call).rejects.toMatchObject({
      code: 'NOT_FOUND',
      data: { maxError: { code: 'not.found', title: 'Нет такого чата' } },
    })
  })

  it('[CN3] an answer with an unknown command fails the call', async () => {
    const { connection, end } = await setup()
    const call = connection.call(Opcode.MSG_SEND, {})
    answer(end, end.received.at(-1)!, {}, 2)
    await expect(call).rejects.toMatchObject({ code: 'BAD_UPSTREAM' })
  })

  it('[CN4] a call without an answer times out and its late answer is ignored', async () => {
    const { connection, end, clock } = await setup()
    const call = codeOf(connection.call(Opcode.CHAT_HISTORY, {}, 1_000))
    const request = end.received.at(-1)!
    await clock.advance(1_000)
    expect(await call).toBe('MAX_TIMEOUT')
    answer(end, request, {})
    expect(connection.isOpen).toBe(true)
  })

  it('[CN5] closing settles every call once and reports once', async () => {
    const { connection, end, closed, clock } = await setup()
    const calls = [1, 2, 3].map(() => codeOf(connection.call(Opcode.CHAT_HISTORY, {})))
    end.drop('reset')
    connection.close('again')
    expect(await Promise.all(calls)).toEqual(Array(3).fill('NOT_CONNECTED'))
    expect(closed).toEqual(['reset'])
    expect(clock.pendingTimers).toBe(0)
    expect(await codeOf(connection.call(Opcode.PING, {}))).toBe('NOT_CONNECTED')
  })

  it('[CN6] answers a ping of the server with an empty body', async () => {
    const { end, pushes } = await setup()
    end.send({ cmd: 0, seq: 9, opcode: Opcode.PING, payload: null })
    expect(end.received.at(-1)).toMatchObject({ cmd: 1, seq: 9, opcode: 1, payload: null })
    expect(pushes).toEqual([])
  })

  it('[CN7] acknowledges a message with its own number, and never on JSON', async () => {
    const push: Frame = { ver: 10, cmd: 0, seq: 500, opcode: Opcode.NOTIF_MESSAGE, payload: {} }
    const binary = await setup()
    binary.connection.acknowledge(push, { chatId: wireId(5) })
    expect(binary.end.received.at(-1)).toMatchObject({ cmd: 1, seq: 500, payload: { chatId: 5 } })
    const json = await setup('json')
    const before = json.end.received.length
    json.connection.acknowledge(push, { chatId: wireId(5) })
    expect(json.end.received).toHaveLength(before)
  })

  it('[defect 7] [CN8] two unanswered pings mean a dead socket; any frame is a sign of life', async () => {
    const { connection, end, closed, clock } = await setup()
    connection.heartbeat(true)
    await clock.advance(30_000)
    connection.heartbeat(true)
    end.send({ cmd: 0, seq: 1, opcode: Opcode.NOTIF_TYPING, payload: {} })
    connection.heartbeat(true)
    await clock.advance(30_000)
    connection.heartbeat(true)
    expect(connection.isOpen).toBe(true)
    await clock.advance(30_000)
    connection.heartbeat(true)
    expect(closed).toEqual(['ping timeout'])
  })

  it('[CN8] measures the round trip of a ping', async () => {
    const { connection, end, clock } = await setup()
    connection.heartbeat(true)
    await clock.advance(42)
    answer(end, end.received.at(-1)!, {})
    await settle()
    expect(connection.pingMs).toBe(42)
  })

  it('[CN9] an unreadable frame closes the connection instead of crashing it', async () => {
    const { end, closed } = await setup()
    end.sendRaw(Uint8Array.of(1, 2, 3))
    expect(closed).toEqual(['unreadable frame'])
  })

  it('[CN10] a dial that hangs, fails or is closed leaves nothing behind', async () => {
    const clock = new FakeClock()
    const codec = createCodec({ encoding: 'binary', side: 'client' })
    const deps = { codec, clock, log: () => {}, onPush: () => {}, onClosed: () => {} }
    const hanging = new MaxConnection({
      ...deps,
      dial: (signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('x')))),
    })
    const opening = codeOf(hanging.open({}))
    await clock.advance(Limit.connectTimeoutMs)
    expect(await opening).toBe('MAX_UNAVAILABLE')
    const failing = new MaxConnection({
      ...deps,
      dial: async () => Promise.reject(new Error('no')),
    })
    expect(await codeOf(failing.open({}))).toBe('MAX_UNAVAILABLE')
    expect(clock.pendingTimers).toBe(0)
  })

  it('[defect 6] [CN11] wraps its 16-bit numbers and never reuses one in flight', async () => {
    const { connection, end } = await setup()
    const held = connection.call(Opcode.CHAT_HISTORY, {}, 10_000_000)
    const heldSeq = end.received.at(-1)!.seq
    const seen = new Set<number>()
    end.onFrame = (frame) => {
      seen.add(frame.seq)
      answer(end, frame, {})
    }
    for (let i = 0; i < 0x10000; i += 1) await connection.call(Opcode.PING, {})
    expect(seen.has(heldSeq)).toBe(false)
    expect(seen.size).toBe(0xffff)
    answer(end, { ver: 10, cmd: 0, seq: heldSeq, opcode: Opcode.CHAT_HISTORY, payload: null }, {})
    await held
  })

  it('[CN12] for any script, each call settles exactly once and nothing leaks', async () => {
    const step = fc.oneof(
      fc.constant({ do: 'call' as const }),
      fc.record({ do: fc.constant('answer' as const), index: fc.nat(20) }),
      fc.record({ do: fc.constant('duplicate' as const), index: fc.nat(20) }),
      fc.record({ do: fc.constant('error' as const), index: fc.nat(20) }),
      fc.record({ do: fc.constant('push' as const), seq: fc.nat(20) }),
      fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(1, 500, 1_000, 40_000) }),
      fc.constant({ do: 'heartbeat' as const }),
      fc.constant({ do: 'drop' as const }),
      fc.constant({ do: 'close' as const }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (script) => {
        const { connection, end, clock, pushes, closed } = await setup()
        const settled: number[] = []
        const results: { index: number; value: unknown }[] = []
        const requests: Frame[] = []
        let pushesSent = 0
        end.onFrame = (frame) => {
          if (frame.opcode === Opcode.CHAT_HISTORY) requests.push(frame)
        }
        let calls = 0
        for (const action of script) {
          const request =
            'index' in action && requests.length > 0
              ? requests[action.index % requests.length]
              : undefined
          switch (action.do) {
            case 'call': {
              const index = calls++
              settled[index] = 0
              connection.call(Opcode.CHAT_HISTORY, { index }, 1_000).then(
                (value) => {
                  settled[index] = (settled[index] ?? 0) + 1
                  results.push({ index, value: value.index })
                },
                () => {
                  settled[index] = (settled[index] ?? 0) + 1
                },
              )
              break
            }
            case 'answer':
            case 'duplicate':
              if (request) answer(end, request, { index: (request.payload as WireMap).index })
              if (request && action.do === 'duplicate') {
                answer(end, request, { index: (request.payload as WireMap).index })
              }
              break
            case 'error':
              if (request) answer(end, request, { error: 'internal' }, 3)
              break
            case 'push':
              if (connection.isOpen) pushesSent += 1
              end.send({ cmd: 0, seq: action.seq, opcode: Opcode.NOTIF_TYPING, payload: {} })
              break
            case 'time':
              await clock.advance(action.ms)
              break
            case 'heartbeat':
              connection.heartbeat(true)
              break
            case 'drop':
              end.drop()
              break
            case 'close':
              connection.close('test')
              break
          }
          await settle()
          expect(settled.every((count) => count <= 1)).toBe(true)
        }
        connection.close('end')
        await settle()
        expect(settled).toEqual(Array(calls).fill(1))
        expect(results.every(({ index, value }) => index === value)).toBe(true)
        expect(pushes).toHaveLength(pushesSent)
        expect(connection.pendingCalls).toBe(0)
        expect(clock.pendingTimers).toBe(0)
        expect(closed).toHaveLength(1)
      }),
      { numRuns: 500 },
    )
  })
})
