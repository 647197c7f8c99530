import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

describe('presence', () => {
  it('tells who is online, and who was when', async () => {
    const { me, friend } = await world.enterPair()
    const userIds = [friend.account.id, 7]
    const before = await me.ok('POST', '/presence/get', { userIds })
    expect(before).toMatchObject({
      presence: [{ userId: friend.account.id, online: true, lastSeen: expect.any(Number) }],
      count: 1,
    })
    await friend.ok('POST', '/session/disconnect')
    const { presence } = await me.ok('POST', '/presence/get', { userId: friend.account.id })
    const [after] = presence as { online: boolean; lastSeen: number }[]
    expect(after?.online).toBe(false)
    expect(Math.abs(Number(after?.lastSeen) - Date.now())).toBeLessThan(60_000)
  })

  it('is followed until it is followed no longer', async () => {
    const { me, friend } = await world.enterPair()
    const userId = friend.account.id
    const subscribe = (body: object) => me.ok('POST', '/presence/subscribe', body)
    expect((await subscribe({ userId })).following).toEqual([userId])
    expect((await subscribe({ userIds: [userId], subscribe: false })).following).toEqual([])
    const answer = await me.call('POST', '/presence/subscribe', {})
    expect([answer.status, answer.body.field]).toEqual([400, 'userIds'])
  })
})
