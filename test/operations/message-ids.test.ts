import { describe, expect, it } from 'vitest'
import { createCodec } from '../../connector/frame.ts'
import { parseJson, stringifyJson, stringifyWireJson } from '../../schema/json.ts'
import { cardOperations } from '../../schema/operations/cards.ts'
import { historyOperations } from '../../schema/operations/history.ts'
import type { Operation } from '../../schema/operations/index.ts'
import { markOperations } from '../../schema/operations/marks.ts'
import { messageToolOperations } from '../../schema/operations/message-tools.ts'
import { messageOperations } from '../../schema/operations/messages.ts'
import { pollOperations } from '../../schema/operations/polls.ts'
import { reactionOperations } from '../../schema/operations/reactions.ts'
import { searchOperations } from '../../schema/operations/search.ts'
import type { SessionPort } from '../../schema/session-port.ts'
import { isWireMap, type WireMap, type WireValue } from '../../schema/wire.ts'
import { inputReader } from '../../worker/input.ts'

const rows = Object.entries({
  ...messageOperations,
  ...cardOperations,
  ...historyOperations,
  ...searchOperations,
  ...markOperations,
  ...reactionOperations,
  ...pollOperations,
  ...messageToolOperations,
}) as unknown as [string, Operation][]

/** No double is one of these. */
const MESSAGE = 115_912_345_678_901_235n
const OTHER = 9_007_199_254_740_993n
const exact = new Set([String(MESSAGE), String(OTHER)])

const messageFields = new Set(['messageId', 'messageIds', 'replyTo', 'before', 'after'])
const idFields = new Set([
  ...messageFields,
  ...['chatId', 'fromChatId', 'pollId', 'stickerId', 'contactId', 'mediaId'],
])
const idOf = (field: string): bigint => (messageFields.has(field) ? MESSAGE : OTHER)

const message: WireMap = {
  id: MESSAGE,
  time: 1_790_000_000_123,
  type: 'USER',
  sender: OTHER,
  text: 'Hello',
  attaches: [
    { _type: 'POLL', pollId: OTHER, title: 'x', answers: [{ answerId: 1, text: 'a' }] },
    { _type: 'AUDIO', audioId: OTHER },
  ],
  link: { type: 'REPLY', chatId: OTHER, message: { id: MESSAGE, sender: OTHER } },
}
/** An answer that fits every operation, as the wire delivers it. */
const reply: WireMap = {
  chatId: OTHER,
  message,
  messages: [message],
  chat: { id: OTHER, type: 'CHAT', pinnedMessageId: MESSAGE, lastMessage: message },
  result: [{ chatId: OTHER, message, highlights: [] }],
  reactions: [{ userId: OTHER, reaction: '👍' }],
  state: { total: 1, result: [], voterPreviewIds: [OTHER] },
  voters: [{ userId: OTHER }],
  attachments: [{ _type: 'SHARE', shareId: OTHER }],
  unread: 0,
}

/** A session that answers everything, and what reached MAX, through the frames of the wire. */
const createPort = () => {
  const sent: WireValue[] = []
  const client = createCodec({ encoding: 'binary', side: 'client' })
  const server = createCodec({ encoding: 'binary', side: 'server' })
  const record = (opcode: number, payload: WireMap): void => {
    const frame = client.encode({ cmd: 0, seq: 1, opcode, payload })
    sent.push(server.decode(frame).payload)
  }
  const port = {
    userId: 1,
    now: () => 1_790_000_000_000,
    call: async (opcode: number, payload: WireMap) => {
      record(opcode, payload)
      return reply
    },
    send: async ({ chatId, message: outgoing }: { chatId: bigint; message: WireMap }) => {
      record(64, { chatId, message: outgoing })
      return { id: 'msg_x', messageId: String(MESSAGE), chatId: OTHER, message: {} }
    },
  }
  return { port: port as unknown as SessionPort, sent }
}

const numbersIn = (value: WireValue): string[] => {
  if (Array.isArray(value)) return value.flatMap(numbersIn)
  if (isWireMap(value)) return Object.values(value).flatMap(numbersIn)
  return typeof value === 'number' || typeof value === 'bigint' ? [String(value)] : []
}

/** The example of a row with every id in it, and each id field that it may have, made too large. */
const inputOf = (row: Operation): Record<string, unknown> => {
  const input: Record<string, unknown> = { ...row.example.input }
  for (const name of Object.keys(row.input.shape)) {
    if (!idFields.has(name) || (name === 'after' && 'before' in row.input.shape)) continue
    input[name] = name === 'messageIds' ? [MESSAGE] : idOf(name)
  }
  return input
}

const withIds = rows.filter(([, row]) => Object.keys(row.input.shape).some((n) => idFields.has(n)))

describe.each(withIds)('ids beyond 2^53 through %s', (name, row) => {
  it.each([
    ['numbers', stringifyWireJson],
    ['strings', stringifyJson],
  ])('[defect 33] [defect 35] survive as %s, both ways', async (_form, render) => {
    const input = inputOf(row)
    const request = new Request('http://localhost/', { method: 'POST', body: render(input) })
    const parsed = await inputReader(row)(request, {})
    const { port, sent } = createPort()
    const answer = stringifyJson(await row.run?.(port, parsed, { tenantId: 't', generation: 1 }))

    const reached = new Set(sent.flatMap(numbersIn))
    for (const field of Object.keys(input)) {
      // A page of history is asked for by time, which the id carries.
      if (name === 'getHistory' && field === 'before') continue
      if (idFields.has(field)) expect(reached, field).toContain(String(idOf(field)))
    }
    // Whatever came back is exact, and text wherever a reader could round it.
    for (const digits of answer.match(/\d{16,}/g) ?? []) expect(exact).toContain(digits)
    expect(answer).not.toMatch(/[[:,]-?\d{16,}/)
    expect(parseJson(answer)).toEqual(JSON.parse(answer))
  })
})

it('[defect 35] the dialog with a user id beyond 2^53 is exact', async () => {
  const row = messageOperations.sendText
  const body = `{"userId":${OTHER},"text":"x"}`
  const request = new Request('http://localhost/', { method: 'POST', body })
  const parsed = await inputReader(row as unknown as Operation)(request, {})
  const { port, sent } = createPort()
  await row.run(port, row.input.parse(parsed), { tenantId: 't', generation: 1 })
  expect(numbersIn(sent)).toContain(String(OTHER ^ 1n))
})
