import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, invoke } from '../test/support/live.ts'
import type { LiveSession } from './live-session.ts'

const DAY = 24 * 3_600_000
const fault = { code: '', delayMs: 0, count: 1, opcode: Opcode.MSG_SEND }
const respondAsync = { respondAsync: true }

/** An online session, its sends, and what is told of them. */
const enter = async () => {
  const rig = createLive()
  const { live, me, friend, chatId } = await rig.online()
  const send = (text: string, facts = {}, session: LiveSession = live) =>
    invoke(session, 'sendText', { chatId, text }, facts)
  const statusOf = async (id: unknown, session: LiveSession = live) =>
    (await invoke(session, 'getMessageStatus', { id })).data
  const read = (mark: number, userId = friend.id, more = {}) =>
    rig.sim.direct.push(me.id, Opcode.NOTIF_MARK, { chatId, userId, mark, ...more })
  const texts = () => rig.sim.direct.messages(me.id, chatId).map(({ text }) => text)
  const told = () =>
    rig
      .bodies()
      .filter(({ type }) => type === 'MessageStatus')
      .map(({ status }) => status)
  return { ...rig, live, me, friend, chatId, send, statusOf, read, texts, told }
}

describe('the status of a message', () => {
  it('[SD1] can be asked for by our id and by the id of MAX', async () => {
    const { live, send, chatId } = await enter()
    const { data } = await send('hello')
    const status = (input: object) => invoke(live, 'getMessageStatus', input)
    expect((await status({ id: data.id })).data).toMatchObject({
      id: data.id,
      status: 'sent',
      chatId,
      messageId: data.messageId,
      sentAt: expect.stringMatching(/Z$/),
    })
    expect((await status({ id: data.messageId, chatId })).data.id).toBe(data.id)
    expect(await codeOf(status({ id: data.messageId, chatId: 1 }))).toBe('NOT_FOUND')
    expect(await codeOf(status({ id: 'msg_0' }))).toBe('NOT_FOUND')
  })

  it('[SD1] is kept for a week', async () => {
    const { send, statusOf, clock, live } = await enter()
    const { data } = await send('hello')
    await live.disconnect()
    await clock.advance(6 * DAY)
    live.tick()
    expect(await statusOf(data.id)).toMatchObject({ status: 'sent' })
    await clock.advance(2 * DAY)
    live.tick()
    expect(await codeOf(statusOf(data.id))).toBe('NOT_FOUND')
  })

  it('[SD1] is listed newest first, page by page, or only where it matters', async () => {
    const { send, live, sim, me, clock } = await enter()
    const ids: unknown[] = []
    for (const text of ['a', 'b', 'c']) {
      ids.unshift((await send(text)).data.id)
      await clock.advance(10)
    }
    sim.direct.fault({ ...fault, kind: 'error', userId: me.id, code: 'error.message.invalid' })
    await send('refused').catch(() => {})
    const list = async (input: object) =>
      (await invoke(live, 'listMessageStatuses', input)).data as {
        messages: { id: string; status: string; error?: object }[]
        nextCursor?: string
      }
    const failed = await list({ status: 'failed' })
    expect(failed.messages).toMatchObject([{ error: { code: 'MAX_REFUSED' } }])
    expect(failed).not.toHaveProperty('nextCursor')
    const first = await list({ limit: 2 })
    const second = await list({ limit: 2, cursor: first.nextCursor })
    expect([...first.messages, ...second.messages].map(({ id }) => id).slice(1)).toEqual(ids)
    expect(second).not.toHaveProperty('nextCursor')
    expect(await codeOf(list({ cursor: 'no such' }))).toBe('INVALID_INPUT')
  })

  it('[SD2] tells of each step in which time passes', async () => {
    const { send, sim, me, pass, live, told, clock } = await enter()
    await send('at once')
    await clock.advance(1_000)
    expect(told()).toEqual(['sent'])
    sim.direct.close(me.id)
    await settle()
    void send('later', respondAsync)
    await pass(live, 10_000)
    expect(told()).toEqual(['sent', 'queued', 'sending', 'sent'])
  })

  it('[SD2] tells of a crash nothing but what came of it, once', async () => {
    const { send, sim, me, boot, pass, told } = await enter()
    sim.direct.fault({ ...fault, kind: 'drop', userId: me.id })
    void send('crash').catch(() => {})
    await settle()
    const second = boot()
    await pass(second, 10_000)
    expect(told()).toEqual(['sent'])
  })

  it('[SD3] becomes read when the other side reads up to it', async () => {
    const { send, statusOf, read, told, clock } = await enter()
    const { data } = await send('hello')
    const sentAt = Number(data.timestamp)
    read(sentAt - 1)
    await clock.advance(300)
    expect(await statusOf(data.id)).toMatchObject({ status: 'sent' })
    read(sentAt)
    await clock.advance(300)
    expect(await statusOf(data.id)).toMatchObject({
      status: 'read',
      readAt: expect.stringMatching(/Z$/),
    })
    expect(told()).toEqual(['sent', 'read'])
  })

  it('[SD3] is not changed by own reading, nor by a mark that takes reading back', async () => {
    const { send, statusOf, read, me, friend, clock } = await enter()
    const { data } = await send('hello')
    read(Number(data.timestamp), me.id)
    read(Number(data.timestamp), friend.id, { setAsUnread: true })
    await clock.advance(300)
    expect(await statusOf(data.id)).toMatchObject({ status: 'sent' })
  })

  it('[SD3] becomes read although the mark came before the answer', async () => {
    const { send, statusOf, read, sim, me, clock, pass, live } = await enter()
    sim.direct.fault({ ...fault, kind: 'hang', userId: me.id })
    const sending = send('hello')
    await settle()
    read(clock.now() + 1_000)
    await pass(live, 12_000)
    const { data } = await sending
    expect(await statusOf(data.id)).toMatchObject({ status: 'read' })
  })
})

describe('Prefer: respond-async', () => {
  it('answers as soon as the message is written down', async () => {
    const { send, sim, me, statusOf, clock, texts } = await enter()
    sim.direct.fault({ ...fault, kind: 'slow', userId: me.id, delayMs: 5_000 })
    const { data, accepted } = await send('hello', respondAsync)
    expect(data).toEqual({ id: accepted, status: 'queued' })
    expect(await statusOf(accepted)).toMatchObject({ status: 'sending' })
    await clock.advance(6_000)
    expect(await statusOf(accepted)).toMatchObject({ status: 'sent' })
    expect(texts()).toEqual(['hello'])
  })

  it('[SN9] takes messages while the session is away, and sends them in order', async () => {
    const { send, sim, me, statusOf, pass, live, texts, world } = await enter()
    world.refuseDials = true
    sim.direct.close(me.id)
    await settle()
    const ids: (string | undefined)[] = []
    for (const text of ['a', 'b', 'c']) ids.push((await send(text, respondAsync)).accepted)
    await pass(live, 30 * 60_000)
    expect(await statusOf(ids[0])).toMatchObject({ status: 'queued' })
    world.refuseDials = false
    await pass(live, 10 * 60_000)
    expect(texts()).toEqual(['a', 'b', 'c'])
    expect(await statusOf(ids[2])).toMatchObject({ status: 'sent' })
  })

  it('[SN10] drops what could not leave within a day', async () => {
    const { send, sim, me, statusOf, pass, live, world, texts } = await enter()
    world.refuseDials = true
    sim.direct.close(me.id)
    await settle()
    const { accepted } = await send('too late', respondAsync)
    await pass(live, DAY + 60_000)
    expect(await statusOf(accepted)).toMatchObject({ status: 'failed', error: { code: 'EXPIRED' } })
    world.refuseDials = false
    await pass(live, 10 * 60_000)
    expect(texts()).toEqual([])
  })

  it('refuses what nobody will ever send', async () => {
    const { send, live } = await enter()
    await live.disconnect()
    expect(await codeOf(send('hello', respondAsync))).toBe('NOT_CONNECTED')
  })

  it('[SN11] lets 16 messages out at a time, the others in order', async () => {
    const { send, sim, me, pass, live, texts, world } = await enter()
    world.refuseDials = true
    sim.direct.close(me.id)
    await settle()
    const words = Array.from({ length: 40 }, (_, n) => `message ${n}`)
    for (const text of words) await send(text, respondAsync)
    world.refuseDials = false
    await pass(live, 10 * 60_000)
    expect(texts()).toEqual(words)
  })

  it('[ID1] gives the same answer under the same key', async () => {
    const { send, texts, clock } = await enter()
    const facts = { ...respondAsync, idempotencyKey: 'key' }
    const first = await send('once', facts)
    await clock.advance(1_000)
    expect(await send('once', facts)).toEqual({ ...first, replayed: true })
    expect(texts()).toEqual(['once'])
  })
})
