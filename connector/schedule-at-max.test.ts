import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { codeOf, createLive, invoke } from '../test/support/live.ts'

const MINUTE = 60_000

/** A message in MAX's own queue, and what one can do with it there. */
const enter = async () => {
  const rig = createLive()
  const { live, me, friend, chatId } = await rig.online()
  const schedule = async (text: string, inMs: number, facts = {}) =>
    (
      await invoke(
        live,
        'scheduleMessage',
        { chatId, text, sendAt: rig.clock.now() + inMs, via: 'max' },
        facts,
      )
    ).data
  const list = async () =>
    (await invoke(live, 'listScheduled', { chatId, via: 'max' })).data.messages as {
      messageId: string
      sendAt: string
      message: { text: string; elements?: object[] }
    }[]
  const change = async (input: object) =>
    (await invoke(live, 'updateScheduled', { chatId, ...input })).data
  const cancel = (messageId: unknown) => invoke(live, 'cancelScheduled', { chatId, messageId })
  const texts = () => rig.sim.direct.messages(friend.id, chatId).map(({ text }) => text)
  return { ...rig, live, me, friend, chatId, schedule, list, change, cancel, texts }
}

describe('a message that MAX keeps', () => {
  it('is listed by MAX, sent by MAX, and comes back as a message', async () => {
    const { schedule, list, texts, pass, live, clock, bodies } = await enter()
    const second = await schedule('second', 2 * MINUTE)
    const first = await schedule('first', MINUTE)
    expect(first).toMatchObject({
      via: 'max',
      status: 'scheduled',
      messageId: expect.stringMatching(/^\d{18}$/),
      sendAt: new Date(clock.now() + MINUTE).toISOString(),
    })
    expect(await list()).toMatchObject([
      { messageId: first.messageId, message: { text: 'first' } },
      { messageId: second.messageId, sendAt: second.sendAt },
    ])
    expect(texts()).toEqual([])
    await pass(live, MINUTE + 100)
    expect(texts()).toEqual(['first'])
    await pass(live, MINUTE)
    expect(texts()).toEqual(['first', 'second'])
    expect(await list()).toEqual([])
    const messages = bodies().filter(({ type }) => type === 'Message')
    expect(messages.map(({ event }) => event?.message?.text)).toEqual(['first', 'second'])
  })

  it('can be changed in part, and cancelled', async () => {
    const { schedule, list, change, cancel, texts, pass, live, clock } = await enter()
    const { messageId } = await schedule('words', MINUTE)
    const later = clock.now() + 5 * MINUTE
    expect(await change({ messageId, sendAt: later })).toMatchObject({
      messageId,
      message: { text: 'words' },
      sendAt: new Date(later).toISOString(),
    })
    await change({ messageId, text: '**other** words', format: 'markdown' })
    expect(await list()).toMatchObject([
      {
        sendAt: new Date(later).toISOString(),
        message: { text: 'other words', elements: [{ type: 'STRONG', length: 5 }] },
      },
    ])
    const dropped = await schedule('never', MINUTE)
    await cancel(dropped.messageId)
    expect(await codeOf(cancel(dropped.messageId))).toBe('NOT_FOUND')
    expect(await codeOf(change({ messageId: dropped.messageId, text: 'x' }))).toBe('NOT_FOUND')
    await pass(live, 10 * MINUTE)
    expect(texts()).toEqual(['other words'])
  })

  it('is an unknown outcome when the answer is lost, and not repeated under its key', async () => {
    const { list, sim, me, chatId, pass, live, clock } = await enter()
    sim.direct.fault({
      kind: 'drop',
      userId: me.id,
      opcode: Opcode.MSG_SEND,
      code: '',
      delayMs: 0,
      count: 1,
    })
    const input = { chatId, text: 'words', sendAt: clock.now() + 60 * MINUTE, via: 'max' }
    const schedule = () => invoke(live, 'scheduleMessage', input, { idempotencyKey: 'key' })
    expect(await codeOf(schedule())).toBe('OUTCOME_UNKNOWN')
    await pass(live, 10_000)
    expect(await list()).toHaveLength(1)
    expect(await codeOf(schedule())).toBe('OUTCOME_UNKNOWN')
    expect(await list()).toHaveLength(1)
  })
})
