import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asMap } from '../schema/wire.ts'
import { createPair, createSimulator, TestLine } from '../test/sandbox/line.ts'
import { loginPayload } from '../test/sandbox/payloads.ts'
import { MemoryStorage } from './storage.ts'

describe('pushes that were not acknowledged', () => {
  it('come again after the next LOGIN, in order, until they are', () => {
    const { sim, annaToken, annaLine, bobLine, write } = createPair()
    write(bobLine, 'one')
    const [seen] = annaLine.take(Opcode.NOTIF_MESSAGE)
    annaLine.acknowledge(seen ?? {})
    write(bobLine, 'two')
    annaLine.drop()
    write(bobLine, 'three')

    const again = new TestLine(sim)
    again.login(annaToken)
    const pushes = again.take(Opcode.NOTIF_MESSAGE)
    expect(pushes.map((push) => asMap(push.message).text)).toEqual(['two', 'three'])
    for (const push of pushes) again.acknowledge(push)
    again.drop()
    const last = new TestLine(sim)
    last.login(annaToken)
    expect(last.take(Opcode.NOTIF_MESSAGE)).toEqual([])
  })

  it('come after the answer to LOGIN', () => {
    const { sim, annaToken, annaLine, bobLine, write } = createPair()
    annaLine.drop()
    write(bobLine, 'late')
    const line = new TestLine(sim)
    line.login(annaToken)
    expect(line.frames.map(({ opcode }) => opcode)).toEqual([
      Opcode.SESSION_INIT,
      Opcode.LOGIN,
      Opcode.NOTIF_MESSAGE,
    ])
  })

  it('tell what became of the message meanwhile', () => {
    const { sim, anna, annaToken, annaLine, bobLine, chatId, write } = createPair()
    annaLine.drop()
    const edited = asMap(write(bobLine, 'typo').message).id
    const removed = asMap(write(bobLine, 'oops').message).id
    const edit = { chatId, messageId: edited, text: 'fixed', elements: [], attachments: [] }
    bobLine.call(Opcode.MSG_EDIT, edit)
    bobLine.call(Opcode.MSG_DELETE, { chatId, messageIds: [removed], forMe: false })
    const line = new TestLine(sim)
    line.login(annaToken)
    expect(line.take(Opcode.NOTIF_MESSAGE)).toMatchObject([
      { message: { id: edited, text: 'fixed', status: 'EDITED' } },
      { message: { id: removed, status: 'REMOVED' } },
    ])
    expect(sim.direct.messages(anna.id, chatId)).toHaveLength(1)
  })

  it('stay away when told so', () => {
    const { sim, annaToken, annaLine, bobLine, write } = createPair({
      settings: { resendUnacked: false },
    })
    annaLine.drop()
    write(bobLine, 'lost')
    const line = new TestLine(sim)
    line.login(annaToken)
    expect(line.take(Opcode.NOTIF_MESSAGE)).toEqual([])
  })
})

describe('persistence', () => {
  it('rebuilds the same world from its rows', () => {
    const storage = new MemoryStorage()
    const { sim, anna, bob, annaToken, annaLine, bobLine, chatId, write } = createPair({ storage })
    const id = asMap(
      write(annaLine, 'kept', { elements: [{ type: 'STRONG', length: 4 }] }).message,
    ).id
    write(bobLine, 'unread')
    const gone = asMap(write(annaLine, 'gone').message).id
    annaLine.call(Opcode.MSG_DELETE, { chatId, messageIds: [gone], forMe: false })
    const reaction = { reactionType: 'EMOJI', id: '👍' }
    bobLine.call(Opcode.MSG_REACTION, { chatId, messageId: id, reaction })
    annaLine.call(Opcode.CONFIG, { settings: { chats: { [chatId]: { dontDisturbUntil: -1 } } } })
    const group = sim.direct.createGroup({
      type: 'CHAT',
      ownerId: anna.id,
      title: 'Team',
      userIds: [bob.id],
    }).chat.id

    const { sim: reborn } = createSimulator({ storage })
    const view = (line: TestLine) => {
      const {
        time: _time,
        presence: _presence,
        ...login
      } = line.call(Opcode.LOGIN, loginPayload(annaToken))
      const history = { chatId, from: 2 ** 42, backward: 10, forward: 0 }
      return [
        login,
        line.call(Opcode.CHAT_HISTORY, history),
        line.call(Opcode.CHAT_INFO, { chatIds: [group, 0, chatId] }),
        line.call(Opcode.MSG_GET_REACTIONS, { chatId, messageIds: [id] }),
      ]
    }
    expect(view(new TestLine(reborn).greet())).toEqual(view(annaLine))
    expect(reborn.direct.messages(bob.id)).toEqual(sim.direct.messages(bob.id))
    expect(reborn.world.counts).toEqual(sim.world.counts)
  })

  it('remembers cids, unacknowledged pushes, ids in use and armed faults', () => {
    const storage = new MemoryStorage()
    const { sim: armed, annaToken, bobToken, annaLine, chatId } = createPair({ storage })
    const payload = { chatId, message: { cid: 5, text: 'once' } }
    const first = asMap(annaLine.call(Opcode.MSG_SEND, payload).message)
    armed.direct.fault({ kind: 'hang', opcode: Opcode.PING, code: '', delayMs: 0, count: 1 })

    const { sim } = createSimulator({ storage })
    const again = new TestLine(sim)
    again.login(annaToken)
    expect(again.request(Opcode.PING)).toBeUndefined() // the fault armed before struck
    expect(asMap(again.call(Opcode.MSG_SEND, payload).message).id).toBe(first.id)
    const bobLine = new TestLine(sim)
    bobLine.login(bobToken)
    expect(bobLine.take(Opcode.NOTIF_MESSAGE)).toMatchObject([{ message: { id: first.id } }])
    const next = asMap(
      again.call(Opcode.MSG_SEND, { chatId, message: { cid: 6, text: 'n' } }).message,
    )
    expect(BigInt(next.id as bigint)).toBeGreaterThan(BigInt(first.id as bigint))
  })

  it('takes up a connection that outlived the sleep of its host', () => {
    const storage = new MemoryStorage()
    const { sim, clock } = createSimulator({ storage })
    const account = sim.direct.createAccount()
    const { token } = sim.direct.issueToken(account.id)
    const sent: unknown[] = []
    const link = { transport: 'websocket', send: () => sent.push(1), close: () => {} } as const
    const line = sim.open(link)
    const json = (opcode: number, payload: object) =>
      JSON.stringify({ ver: 11, cmd: 0, seq: 0, opcode, payload })
    const userAgent = { deviceType: 'WEB', appVersion: '1' }
    line.receive(json(Opcode.SESSION_INIT, { deviceId: 'd', userAgent }))
    line.receive(json(Opcode.LOGIN, loginPayload(token)))
    const snapshot = structuredClone(line.snapshot())

    const { sim: reborn } = createSimulator({ storage })
    const resumed: unknown[] = []
    reborn.open({ ...link, send: (data) => resumed.push(data) }, snapshot)
    const friend = reborn.direct.createAccount()
    reborn.direct.incoming({ to: account.id, from: friend.id, text: 'still there?' })
    expect(resumed).toHaveLength(1)
    expect(JSON.parse(String(resumed[0]))).toMatchObject({ ver: 11, cmd: 0, opcode: 128 })
    expect(clock.now()).toBeGreaterThan(0)
  })
})
