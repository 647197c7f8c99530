import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

/** Sends something and gives its attachment as the other side has it. */
const deliver = async (path: string, input: object): Promise<unknown> => {
  const { me, friend, chatId } = await world.enterPair()
  const sent = await me.ok('POST', path, { chatId, ...input })
  const { messages } = await friend.ok('POST', '/chat/history', { chatId })
  const [message] = messages as { id: string; attaches: unknown[] }[]
  expect(message?.id).toBe(sent.messageId)
  return message?.attaches[0]
}

describe('cards', () => {
  it('send a sticker', async () => {
    expect(await deliver('/chat/send/sticker', { stickerId: '272821' })).toMatchObject({
      _type: 'STICKER',
      stickerId: 272821,
      url: expect.stringContaining('https://'),
    })
  })

  it('send the card of somebody on MAX', async () => {
    const anna = world.sim.direct.createAccount({ firstName: 'Анна', lastName: 'Смирнова' })
    expect(await deliver('/chat/send/contact', { contactId: anna.id })).toMatchObject({
      _type: 'CONTACT',
      contactId: anna.id,
      name: 'Анна Смирнова',
    })
  })

  it('send the card of anybody by name and number, or as a vCard', async () => {
    const named = { name: 'Smith; John', contactPhone: '79990000001' }
    expect(await deliver('/chat/send/contact', named)).toMatchObject({
      name: 'Smith\\; John',
      phone: '+79990000001',
    })
    const vcard = 'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:X\r\nEND:VCARD'
    expect(await deliver('/chat/send/contact', { vcard })).toMatchObject({ vcfBody: vcard })
  })

  it('let no line break of a name write into the vCard', async () => {
    const named = { name: 'A\r\nTEL:+70000000000', contactPhone: '+79990000001' }
    expect(await deliver('/chat/send/contact', named)).toMatchObject({ phone: '+79990000001' })
  })

  it('send a place, also one on whole degrees', async () => {
    const place = { latitude: 55.7539, longitude: -37.6208 }
    expect(await deliver('/chat/send/location', { ...place, zoom: 12 })).toMatchObject({
      _type: 'LOCATION',
      ...place,
      zoom: 12,
    })
    const corner = (await deliver('/chat/send/location', { latitude: 90, longitude: 0 })) as {
      latitude: number
      longitude: number
    }
    expect(corner.latitude).toBeCloseTo(90, 6)
    expect(corner.latitude).toBeLessThanOrEqual(90)
    expect(corner.longitude).toBeCloseTo(0, 6)
  })

  it.each([
    ['/chat/send/contact', {}, 400, 'contactId'],
    ['/chat/send/contact', { name: 'x' }, 400, 'contactId'],
    ['/chat/send/location', { latitude: 91, longitude: 0 }, 400, 'latitude'],
    ['/chat/send/location', { latitude: 1 }, 400, 'longitude'],
    ['/chat/send/sticker', {}, 400, 'stickerId'],
    ['/chat/send/sticker', { stickerId: 9_999_999 }, 404, undefined],
    ['/chat/send/contact', { contactId: 5 }, 404, undefined],
  ])('%s refuses %j', async (path, input, status, field) => {
    const me = await world.enterOnline()
    const answer = await me.call('POST', path, { chatId: 0, ...input })
    expect([answer.status, answer.body.field]).toEqual([status, field])
  })
})
