import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { content, hashOf } from '../../test/support/content.ts'
import { startLiveEdge } from '../../test/support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const photo = content('png', 700)
const image = Buffer.from(photo).toString('base64')
const linked = async (url: unknown): Promise<string> => {
  const response = await world.sim.media.serve(new Request(String(url)))
  return hashOf([new Uint8Array(await response.arrayBuffer())])
}

describe('the photo of a group', () => {
  const setup = async () => {
    const { me, friend } = await world.enterPair()
    const { chat } = world.sim.direct.createGroup({
      type: 'CHAT',
      ownerId: me.account.id,
      title: 'Team',
      userIds: [friend.account.id],
    })
    return { me, friend, chatId: chat.id }
  }

  it('is set, seen by the others, and taken away again', async () => {
    const { me, friend, chatId } = await setup()
    const set = await me.ok('POST', '/group/photo', { chatId, image })
    const { baseIconUrl } = set.chat as { baseIconUrl: string }
    expect(await linked(baseIconUrl)).toBe(await hashOf([photo]))
    const event = await friend.session.event('Message')
    expect(event.event?.message).toMatchObject({
      attaches: [{ _type: 'CONTROL', event: 'icon', url: baseIconUrl }],
    })
    const seen = await friend.ok('POST', '/group/info', { chatId })
    expect(seen.chat).toMatchObject({ baseIconUrl })
    const removed = await me.ok('POST', '/group/photo/remove', { chatId })
    expect((removed.chat as { baseIconUrl?: string }).baseIconUrl).toBeUndefined()
  })

  it('is not for those who may not change the chat', async () => {
    const { friend, me, chatId } = await setup()
    const options = { ONLY_OWNER_CAN_CHANGE_ICON_TITLE: true }
    await me.ok('POST', '/group/options', { chatId, options })
    expect(await friend.call('POST', '/group/photo', { chatId, image })).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN' },
    })
  })

  it('has to be one image', async () => {
    const { me, chatId } = await setup()
    const pdf = Buffer.from(content('pdf', 99)).toString('base64')
    const post = (body: object) => me.call('POST', '/group/photo', { chatId, ...body })
    expect(await post({ image: pdf })).toMatchObject({ status: 415 })
    expect(await post({})).toMatchObject({ status: 400, body: { field: 'image' } })
    expect(await post({ image, url: 'https://example.com/x.png' })).toMatchObject({ status: 400 })
  })
})

describe('the photo of the account', () => {
  it('is set, shows in the profile, and is seen by others', async () => {
    const { me, friend } = await world.enterPair()
    const profile = await me.ok('POST', '/account/photo', { image })
    expect(profile.firstName).toBe('Me')
    expect(await linked(profile.avatarUrl)).toBe(await hashOf([photo]))
    const [contact] = (await friend.ok('POST', '/user/info', { userIds: [me.account.id] }))
      .users as { avatarUrl: string }[]
    expect(contact?.avatarUrl).toBe(profile.avatarUrl)
  })
})
