import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const CONFIG = '/session/rabbitmq/config'

it('a tenant sets its own queue, sees it, and takes it back', async () => {
  const { me, friend } = await world.enterPair()
  expect(await me.ok('GET', CONFIG)).toMatchObject({ queue: '' })
  expect(await me.ok('POST', CONFIG, { queue: 'crm_events' })).toMatchObject({
    queue: 'crm_events',
  })
  expect(await me.ok('GET', CONFIG)).toMatchObject({ queue: 'crm_events' })
  // It is its own.
  expect(await friend.ok('GET', CONFIG)).toMatchObject({ queue: '' })
  await me.ok('DELETE', CONFIG)
  expect(await me.ok('GET', CONFIG)).toMatchObject({ queue: '' })
})
