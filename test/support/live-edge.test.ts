import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLiveEdge } from './live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

it('carries a message from one tenant to the other, and its event to the webhook', async () => {
  const { me, friend, chatId } = await world.enterPair()
  const sent = await me.ok('POST', '/chat/send/text', { chatId, text: 'Hello' })
  const event = await friend.session.event('Message')
  expect(event.event?.message).toMatchObject({ id: sent.messageId, text: 'Hello' })
  const history = await friend.ok('POST', '/chat/history', { chatId })
  expect(history.messages).toMatchObject([{ id: sent.messageId, text: 'Hello' }])
})
