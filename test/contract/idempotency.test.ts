import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Operation, OperationName } from '../../schema/operations/index.ts'
import { startLiveEdge } from '../support/live-edge.ts'
import type { Answer } from './edge.ts'
import { exampleFields, type Fields, requestOf, rows } from './requests.ts'

/** The Idempotency-Key of every row that sends or creates something, over HTTP. */

/** What is named like one and is none. */
const noCreations: OperationName[] = [
  // Leaves nothing behind at MAX.
  'sendTyping',
  'sendPresence',
  'sendChatPresence',
  // Plays the other side of the sandbox.
  'sendSandboxIncoming',
  // Puts into a set: again changes nothing.
  'addMembers',
]

it('every row that sends or creates takes a key', () => {
  const named = rows.filter(({ name }) => /^(send|create|forward|schedule|add|import)/.test(name))
  const missing = named.filter(({ row }) => !row.creates).map(({ name }) => name)
  expect(new Set(missing)).toEqual(new Set(noCreations))
})

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

/** A pair with a message between them, and the example with ids that lead there. */
const enter = async (row: Operation) => {
  const { me, friend, chatId } = await world.enterPair()
  const { id } = friend.account
  const { messageId } = await me.ok('POST', '/chat/send/text', { chatId, text: 'before' })
  const stranger = world.sim.direct.createAccount({ firstName: 'Stranger' })
  const real: Fields = {
    chatId,
    fromChatId: chatId,
    chatIds: [chatId],
    messageIds: [messageId],
    participants: [id],
    contactId: id,
    userId: stranger.id,
    phone: stranger.phone,
    include: [chatId],
    url: 'https://example.com/hook',
    sendAt: Date.now() + 3_600_000,
  }
  const example = exampleFields(row)
  const fields = Object.fromEntries(
    Object.entries(example).map(([name, value]) => [name, name in real ? real[name] : value]),
  )
  const send = (key: string, more: Fields = {}): Promise<Answer> => {
    const { method, path, body } = requestOf(row, { ...fields, ...more })
    return world.edge.request(method, path, {
      ...(row.scope === 'admin' ? { admin: true } : { token: me.token }),
      headers: { 'idempotency-key': key },
      ...(body === undefined ? {} : { body }),
    })
  }
  return { me, friend, chatId, send }
}

/** Another value of a field, by which a request differs. */
const changed = (row: Operation): Fields => {
  const names = ['text', 'caption', 'name', 'title', 'firstName', 'question', 'description']
  const name = names.find((each) => each in row.input.shape && each in exampleFields(row))
  if (name !== undefined) return { [name]: 'Quite another' }
  return 'notify' in row.input.shape
    ? { notify: false }
    : { contacts: [{ phone: '+79990009999', firstName: 'Another' }] }
}

describe.each(rows.filter(({ row }) => row.creates))('the key of $name', ({ row }) => {
  it('stands for one effect: replayed, refused with another body, in flight once', async () => {
    const { send } = await enter(row)
    const first = await send('key-1')
    expect([first.text, first.status]).toEqual([expect.any(String), 200])
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    const again = await send('key-1')
    expect([again.text, again.status]).toEqual([first.text, 200])
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const other = await send('key-1', changed(row))
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH'])

    const both = await Promise.all([send('key-2', changed(row)), send('key-2', changed(row))])
    const done = both.filter(({ status }) => status === 200)
    for (const { status, body } of both) {
      if (status !== 200) expect([status, body.code]).toEqual([409, 'IN_PROGRESS'])
    }
    expect(new Set(done.map(({ text }) => text)).size).toBe(1)
  })

  it('names a key that is none', async () => {
    const { send } = await enter(row)
    const answer = await send('with a blank')
    expect([answer.status, answer.body.field]).toEqual([400, 'Idempotency-Key'])
  })
})
