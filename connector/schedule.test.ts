import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, invoke } from '../test/support/live.ts'
import type { LiveSession } from './live-session.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** An online session, and what is scheduled on it. */
const enter = async () => {
  const rig = createLive()
  const { live, me, friend, chatId } = await rig.online()
  const schedule = async (text: string, inMs: number, more = {}, facts = {}) =>
    (
      await invoke(
        live,
        'scheduleMessage',
        { chatId, text, sendAt: rig.clock.now() + inMs, ...more },
        facts,
      )
    ).data
  const list = async (input = {}, session: LiveSession = live) =>
    (await invoke(session, 'listScheduled', input)).data as {
      messages: { id: string; message: { text: string }; sendAt: string }[]
      nextCursor?: string
    }
  const statusOf = async (id: unknown, session: LiveSession = live) =>
    (await invoke(session, 'getMessageStatus', { id })).data
  const texts = () => rig.sim.direct.messages(me.id, chatId).map(({ text }) => text)
  return { ...rig, live, me, friend, chatId, schedule, list, statusOf, texts }
}

describe('a scheduled message', () => {
  it('[SD4] leaves at its time', async () => {
    const { schedule, statusOf, texts, pass, live, list, sim, me, chatId, clock } = await enter()
    const dueAt = clock.now() + 10 * MINUTE
    const { id } = await schedule('later', 10 * MINUTE)
    expect(await list()).toMatchObject({ messages: [{ id, message: { text: 'later' } }] })
    await pass(live, 10 * MINUTE - 1_000)
    expect(texts()).toEqual([])
    await pass(live, 2_000)
    expect(texts()).toEqual(['later'])
    const message = sim.direct.messages(me.id, chatId)[0]
    expect(Number(BigInt(message?.id ?? 0) >> 16n) - dueAt).toBeLessThan(100)
    expect(await statusOf(id)).toMatchObject({ status: 'sent', messageId: String(message?.id) })
    expect(await list()).toEqual({ messages: [] })
  })

  it('[SD2] tells of each of its steps', async () => {
    const { schedule, pass, live, bodies } = await enter()
    await schedule('later', MINUTE)
    await pass(live, 2 * MINUTE)
    const told = bodies().filter(({ type }) => type === 'MessageStatus')
    expect(told.map(({ status }) => status)).toEqual(['scheduled', 'queued', 'sending', 'sent'])
  })

  it('[SD4] leaves after a restart, even when its time passed meanwhile', async () => {
    const { schedule, texts, boot, crash, clock, pass } = await enter()
    await schedule('survives', 5 * MINUTE)
    crash()
    await clock.advance(20 * MINUTE)
    const second = boot()
    await pass(second, MINUTE)
    expect(texts()).toEqual(['survives'])
  })

  it('[SD4] waits for a session that is away, but not longer than it may', async () => {
    const { schedule, statusOf, texts, world, sim, me, pass, live } = await enter()
    const soon = await schedule('in time', MINUTE, { expiresAfter: 3_600 })
    const never = await schedule('too late', MINUTE, { expiresAfter: 60 })
    world.refuseDials = true
    sim.direct.close(me.id)
    await pass(live, 20 * MINUTE)
    expect(await statusOf(soon.id)).toMatchObject({ status: 'queued' })
    expect(await statusOf(never.id)).toMatchObject({ status: 'failed', error: { code: 'EXPIRED' } })
    world.refuseDials = false
    await pass(live, 10 * MINUTE)
    expect(texts()).toEqual(['in time'])
  })

  it('[SD4] expires when the object slept through all of it', async () => {
    const { schedule, statusOf, boot, crash, clock, pass, texts } = await enter()
    const { id } = await schedule('stale', MINUTE, { expiresAfter: 60 })
    crash()
    await clock.advance(DAY)
    const second = boot()
    await pass(second, MINUTE)
    expect(await statusOf(id, second)).toMatchObject({ status: 'failed' })
    expect(texts()).toEqual([])
  })

  it('[SD5] can be changed and cancelled until it is due', async () => {
    const { schedule, live, pass, texts, clock } = await enter()
    const change = (input: object) => invoke(live, 'updateScheduled', input)
    const cancel = (id: unknown) => invoke(live, 'cancelScheduled', { id })
    const moved = await schedule('first words', 10 * MINUTE)
    const dropped = await schedule('never said', 10 * MINUTE)
    const changed = await change({
      id: moved.id,
      text: '**second** words',
      format: 'markdown',
      sendAt: clock.now() + 20 * MINUTE,
      notify: false,
    })
    expect(changed.data).toMatchObject({
      message: { text: 'second words', elements: [{ type: 'STRONG', length: 6 }] },
      notify: false,
      expiresAt: new Date(clock.now() + 80 * MINUTE).toISOString(),
    })
    expect((await cancel(dropped.id)).data).toMatchObject({ status: 'canceled' })
    await pass(live, 15 * MINUTE)
    expect(texts()).toEqual([])
    await pass(live, 6 * MINUTE)
    expect(texts()).toEqual(['second words'])
    expect(await codeOf(change({ id: moved.id, text: 'third' }))).toBe('CONFLICT')
    expect(await codeOf(change({ id: moved.id, sendAt: clock.now() + HOUR }))).toBe('CONFLICT')
    expect(await codeOf(cancel(moved.id))).toBe('CONFLICT')
    expect(await codeOf(cancel('msg_zzz'))).toBe('NOT_FOUND')
  })

  it('[SD6] never leaves under another account, and stays for the same one', async () => {
    const { schedule, statusOf, sim, me, live, pass, texts } = await enter()
    const kept = await schedule('kept', 30 * MINUTE)
    sim.direct.fault({ kind: 'logout', userId: me.id, code: '', delayMs: 0, count: 1 })
    await pass(live, 5 * MINUTE)
    expect(live.status().state).toBe('stopped')
    await live.adoptToken(sim.direct.issueToken(me.id).token)
    await pass(live, 30 * MINUTE)
    expect(texts()).toEqual(['kept'])
    expect(await statusOf(kept.id)).toMatchObject({ status: 'sent' })
    const lost = await schedule('of the first account', 30 * MINUTE)
    await live.logout()
    expect(await statusOf(lost.id)).toMatchObject({ status: 'canceled' })
    const other = sim.direct.createAccount({ firstName: 'Other' })
    await live.adoptToken(sim.direct.issueToken(other.id).token)
    await pass(live, HOUR)
    expect(texts()).toEqual(['kept'])
  })

  it('[ID1] is one message under one key', async () => {
    const { schedule, list, sql } = await enter()
    const facts = { idempotencyKey: 'key' }
    const at = { sendAt: '2031-01-01T00:00:00Z' }
    expect(await codeOf(schedule('too far', 0, at, facts))).toBe('INVALID_INPUT')
    const sendAt = new Date(Date.parse(String((await schedule('clock', HOUR)).sendAt)))
    const first = await schedule('once', 0, { sendAt: sendAt.toISOString() }, facts)
    expect(await schedule('once', 0, { sendAt: sendAt.toISOString() }, facts)).toEqual(first)
    // As after a crash before the answer was written down.
    sql.all('UPDATE idempotency SET answer = NULL')
    expect(await schedule('once', 0, { sendAt: sendAt.toISOString() }, facts)).toEqual(first)
    expect((await list()).messages).toHaveLength(2)
  })

  it('takes a time as text with a zone, as a number and as digits, and none out of range', async () => {
    const { schedule, clock, live } = await enter()
    const at = clock.now() + HOUR
    const iso = new Date(at).toISOString()
    for (const sendAt of [iso, at, String(at), iso.replace('Z', '+00:00')]) {
      expect(await schedule('a', 0, { sendAt })).toMatchObject({ sendAt: iso })
    }
    for (const sendAt of [clock.now(), clock.now() + 2_000, clock.now() + 400 * DAY]) {
      expect(await codeOf(schedule('a', 0, { sendAt }))).toBe('INVALID_INPUT')
    }
    await live.logout()
    expect(await codeOf(schedule('a', HOUR))).toBe('LOGIN_REQUIRED')
  })

  it('is taken while the session is away, and listed page by page', async () => {
    const { schedule, list, live } = await enter()
    await live.disconnect()
    for (const [n, minutes] of [3, 1, 2].entries()) await schedule(`${n}`, minutes * HOUR)
    const first = await list({ limit: 2 })
    const second = await list({ limit: 2, cursor: first.nextCursor })
    const texts = [...first.messages, ...second.messages].map(({ message }) => message.text)
    expect(texts).toEqual(['1', '2', '0'])
    expect(second).not.toHaveProperty('nextCursor')
    expect((await list({ chatId: 5 })).messages).toEqual([])
  })

  it('[SD4] for any mix of times, crashes and outages each message that may leave is sent once', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('schedule' as const), in: fc.nat(20) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), for: fc.nat(8) }) },
      { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
      { weight: 1, arbitrary: fc.constant({ do: 'drop' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (script) => {
        const { boot, pass, sim, me, clock, chatId, texts, ...first } = await enter()
        let { live } = first
        const expected: string[] = []
        for (const action of script) {
          if (action.do === 'schedule') {
            const text = `message ${expected.length}`
            expected.push(text)
            const sendAt = clock.now() + 5_000 + action.in * MINUTE
            await invoke(live, 'scheduleMessage', { chatId, text, sendAt })
          } else if (action.do === 'pass') await pass(live, action.for * MINUTE)
          else if (action.do === 'crash') live = boot()
          else sim.direct.close(me.id)
          await settle()
        }
        await pass(live, 30 * MINUTE)
        expect(texts().sort()).toEqual(expected.sort())
      }),
      { numRuns: 40 },
    )
  })
})
