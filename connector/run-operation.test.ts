import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import type { OperationName } from '../schema/operations/index.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, invoke } from '../test/support/live.ts'

const fault = { code: '', delayMs: 0, count: 1 }

/** An online session, and how an operation on it ends when MAX does something to one request. */
const enter = async () => {
  const rig = createLive()
  const { live, me, chatId } = await rig.online()
  const { messageId } = await live.send({
    chatId,
    message: { text: 'first', elements: [], attaches: [] },
    notify: true,
  })
  const outcome = async (
    name: OperationName,
    input: object,
    kind: 'hang' | 'drop',
    opcode: number,
  ): Promise<string> => {
    rig.sim.direct.fault({ ...fault, kind, userId: me.id, opcode })
    const ending = codeOf(invoke(live, name, input))
    await settle()
    await rig.clock.advance(31_000)
    return ending
  }
  return { ...rig, live, me, chatId, messageId, outcome }
}

describe('the outcome of an operation', () => {
  it('[RO1] silence after a write is an unknown outcome', async () => {
    const { chatId, messageId, outcome } = await enter()
    const mark = { chatId, messageId }
    expect(await outcome('markRead', mark, 'hang', Opcode.CHAT_MARK)).toBe('OUTCOME_UNKNOWN')
  })

  it('[RO1] so is a connection that is lost before the answer', async () => {
    const { chatId, messageId, outcome } = await enter()
    const mark = { chatId, messageId }
    expect(await outcome('markRead', mark, 'drop', Opcode.CHAT_MARK)).toBe('OUTCOME_UNKNOWN')
  })

  it('[RO1] a read that gets no answer changed nothing', async () => {
    const read = { count: 10, fromTime: 0 }
    const one = await enter()
    const history = { ...read, chatId: one.chatId }
    expect(await one.outcome('getHistory', history, 'hang', Opcode.CHAT_HISTORY)).toBe(
      'MAX_TIMEOUT',
    )
    const other = await enter()
    expect(await other.outcome('getHistory', history, 'drop', Opcode.CHAT_HISTORY)).toBe(
      'NOT_CONNECTED',
    )
  })

  it('[RO1] a send that only asked who has the number changed nothing', async () => {
    const { outcome } = await enter()
    const message = { phone: '+79990000000', text: 'hello', notify: true }
    expect(await outcome('sendText', message, 'hang', Opcode.CONTACT_INFO_BY_PHONE)).toBe(
      'MAX_TIMEOUT',
    )
  })

  it('[RO1] what is refused before anything left is not in doubt', async () => {
    const { live, chatId, messageId } = await enter()
    await live.disconnect()
    expect(await codeOf(invoke(live, 'markRead', { chatId, messageId }))).toBe('NOT_CONNECTED')
  })
})
