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
    const client = tenant.client()
    const { phone, code } = await client.getSandbox()
    await client.requestCode({ phone })
    await client.confirmCode({ code })
    await client.sendSandboxIncoming({ text: 'Through the queue' })
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
