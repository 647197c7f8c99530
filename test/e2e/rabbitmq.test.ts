import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { noBroker, type Rabbit, startRabbit } from '../support/rabbit.ts'

describe.skipIf(noBroker)('events to RabbitMQ', () => {
  let rabbit: Rabbit
  let gateway: Gateway
  let queue: string
  beforeAll(async () => {
    rabbit = await startRabbit()
    queue = rabbit.queue()
    gateway = await startGateway({
      RABBITMQ_URL: rabbit.url,
      RABBITMQ_QUEUE: queue,
      RABBITMQ_EVENTS: 'Message',
    })
  })
  afterAll(async () => {
    await gateway.remove()
    await rabbit.close()
  })

  it("go to a tenant's own queue when it has one", async () => {
    const own = rabbit.queue()
    const tenant = await gateway.createTenant({ sandbox: true })
    const client = tenant.client()
    const set = await client.setRabbitmq({ queue: own })
    expect(set).toMatchObject({ queue: own, configured: true })
    const { phone, code } = await client.getSandbox()
    await client.requestCode({ phone })
    await client.confirmCode({ code })
    await client.sendSandboxIncoming({ text: 'To the own queue' })
    const [message] = await rabbit.take(own, 1)
    expect(message?.headers).toMatchObject({ 'x-instance-id': tenant.id })
    expect(await client.getRabbitmq()).toMatchObject({ queue: own })
  })

  it('arrive once each and in order, though the broker goes and the gateway is killed', async () => {
    const tenant = await gateway.createTenant({ sandbox: true })
    const { phone, code } = await tenant.get<{ phone: string; code: string }>('/sandbox')
    await tenant.post('/session/auth/request', { phone })
    await tenant.post('/session/auth/confirm', { code })
    const texts: string[] = []
    const incoming = async (count: number) => {
      for (let n = 0; n < count; n += 1) {
        const text = `Message ${texts.length + 1}`
        await tenant.post('/sandbox/incoming', { text })
        texts.push(text)
      }
    }
    await incoming(5)
    rabbit.cut()
    await incoming(5)
    await gateway.kill()
    rabbit.mend()
    await gateway.start()
    await incoming(5)

    const seen = new Map<string, string>()
    for (const { messageId, headers, body } of await rabbit.take(queue, texts.length)) {
      expect(headers).toMatchObject({ 'x-instance-id': tenant.id, 'x-event-type': 'Message' })
      const { event, id } = body as { id: string; event: { message: { text: string } } }
      expect(id).toBe(messageId)
      seen.set(messageId, event.message.text)
    }
    expect([...seen.values()]).toEqual(texts)
  }, 90_000)
})
