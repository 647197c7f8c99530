import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../connector/clock.ts'
import { startLiveEdge } from '../support/live-edge.ts'

const HOUR = 3_600_000

/** How far the sessions' clock is ahead of everybody else's. */
let aheadMs = 0
const now = (): number => Date.now() + aheadMs

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge({}, {}, undefined, { now, after: systemClock.after })
})
afterAll(() => world.close())

const enter = async () => {
  const { me, friend, chatId } = await world.enterPair()
  const schedule = async (text: string, inMs: number, more: object = {}) => {
    const sendAt = now() + inMs
    return me.ok('POST', '/chat/schedule', { chatId, text, sendAt, ...more })
  }
  const list = async (query = '') =>
    (await me.ok('GET', `/chat/scheduled${query}`)).messages as Record<string, unknown>[]
  const texts = async () => {
    const { messages } = await friend.ok('POST', '/chat/history', { chatId })
    return (messages as { text: string }[]).map(({ text }) => text)
  }
  return { me, friend, chatId, schedule, list, texts }
}

describe('a message for later', () => {
  it('is listed, leaves at its time, and is listed no more', async () => {
    const { me, friend, schedule, list, texts } = await enter()
    const { id } = await schedule('in an hour', HOUR)
    expect(await list()).toMatchObject([{ id, message: { text: 'in an hour' } }])
    expect(await texts()).toEqual([])
    aheadMs += HOUR + 1_000
    await me.session.ensure()
    await friend.session.event('Message', ({ event }) => event?.message?.text === 'in an hour')
    expect(await list()).toEqual([])
    expect(await me.ok('GET', `/messages/${id}`)).toMatchObject({ id, status: 'sent' })
  })

  it('is changed, and what is not said stays', async () => {
    const { me, schedule, list } = await enter()
    const { id, sendAt } = await schedule('draft', HOUR)
    await me.ok('POST', '/chat/scheduled/update', { id, text: 'final' })
    expect(await list()).toMatchObject([{ id, sendAt, message: { text: 'final' } }])
    const later = now() + 5 * HOUR
    await me.ok('POST', '/chat/scheduled/update', { id, sendAt: later })
    expect(await list()).toMatchObject([
      { id, sendAt: new Date(later).toISOString(), message: { text: 'final' } },
    ])
  })

  it('is cancelled, and never leaves', async () => {
    const { me, schedule, list, texts } = await enter()
    const { id } = await schedule('never', HOUR)
    const cancelled = await me.ok('POST', '/chat/scheduled/cancel', { id })
    expect(cancelled).toMatchObject({ id, status: 'canceled' })
    expect(await list()).toEqual([])
    aheadMs += 2 * HOUR
    await me.session.ensure()
    await me.ok('POST', '/chat/send/text', { chatId: 0, text: 'something else' })
    expect(await texts()).toEqual([])
  })

  it('waits at MAX itself when that is asked for', async () => {
    const { me, chatId, schedule, list } = await enter()
    const { messageId } = await schedule('at MAX', 24 * HOUR, { via: 'max' })
    const place = { chatId, messageId }
    const query = `?via=max&chatId=${chatId}`
    expect(await list(query)).toMatchObject([{ messageId, message: { text: 'at MAX' } }])
    await me.ok('POST', '/chat/scheduled/update', { ...place, text: 'still at MAX' })
    expect(await list(query)).toMatchObject([{ message: { text: 'still at MAX' } }])
    const [{ messageId: present } = {}] = await list(query)
    await me.ok('POST', '/chat/scheduled/cancel', { chatId, messageId: present })
    expect(await list(query)).toEqual([])
  })
})
