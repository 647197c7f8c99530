import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import { startReceiver } from '../support/receiver.ts'

it('events go through the queue to its receiver', async () => {
  const receiver = await startReceiver()
  const gateway = await startGateway({
    MAXAPI_QUEUE_EVENTS: 'Message',
    MAXAPI_QUEUE_WEBHOOK: receiver.url,
  })
  try {
    receiver.secret = (await readFile(gateway.dataFile('global-webhook-secret'), 'utf8')).trim()
    const tenant = await gateway.createTenant({ sandbox: true })
    const { phone, code } = await tenant.get<{ phone: string; code: string }>('/sandbox')
    await tenant.post('/session/auth/request', { phone })
    await tenant.post('/session/auth/confirm', { code })
    await tenant.post('/sandbox/incoming', { text: 'Through the queue' })
    const { body } = await receiver.event('Message')
    expect(body).toMatchObject({
      instanceID: tenant.id,
      event: { message: { text: 'Through the queue' } },
    })
    expect(receiver.refused).toEqual([])
  } finally {
    await gateway.remove()
    await receiver.close()
  }
})
