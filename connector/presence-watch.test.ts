import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { createLive } from '../test/support/live.ts'

const online = async () => {
  const rig = createLive()
  const { live, me, friend } = await rig.online()
  live.presence.follow([friend.id], {
    [friend.id]: { seen: Math.floor(friend.seenAt / 1000) },
  })
  const news = () => rig.bodies().filter((event) => event.type === 'PresenceUpdate')
  return { ...rig, live, me, friend, news }
}

describe('a followed person', () => {
  it('[PW1] is asked about every minute, and only a change is news', async () => {
    const { live, friend, pass, clock, news } = await online()
    await pass(live, 180_000)
    expect(news()).toEqual([])
    friend.seenAt = clock.now()
    await pass(live, 90_000)
    const seen = Math.floor(friend.seenAt / 1000)
    expect(news()).toMatchObject([
      { opcode: 132, event: { userId: friend.id, presence: { seen } } },
    ])
    await pass(live, 180_000)
    expect(news()).toHaveLength(1)
  })

  it('[PW1] is news once when MAX pushes it as well', async () => {
    const { live, me, friend, sim, pass, clock, news } = await online()
    friend.seenAt = clock.now() + 1_000
    const presence = { seen: Math.floor(friend.seenAt / 1000) }
    sim.direct.push(me.id, Opcode.NOTIF_PRESENCE, { userId: friend.id, presence })
    await pass(live, 180_000)
    expect(news()).toHaveLength(1)
  })

  it('[PW2] is followed through a crash, and until a logout', async () => {
    const { boot, friend, pass, clock, news } = await online()
    const second = boot()
    await pass(second, 90_000)
    friend.seenAt = clock.now()
    await pass(second, 90_000)
    expect(news()).toHaveLength(1)
    await second.logout()
    expect(second.presence.followed()).toEqual([])
  })

  it('is one of a hundred at most', async () => {
    const { live, friend } = await online()
    const many = Array.from({ length: 100 }, (_, index) => index + 1)
    expect(() => live.presence.follow(many, {})).toThrow(/at most 100/)
    expect(live.presence.followed()).toEqual([String(friend.id)])
    live.presence.unfollow([friend.id])
    expect(live.presence.followed()).toEqual([])
  })
})
