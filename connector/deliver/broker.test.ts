import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noBroker, type Rabbit, startRabbit } from '../../test/support/rabbit.ts'
import { systemClock } from '../clock.ts'
import { Broker, type BrokerMessage } from './broker.ts'
import { type BrokerVariables, brokerSettings } from './broker-settings.ts'

const message = (id: string, more: Partial<BrokerMessage> = {}): BrokerMessage => ({
  id,
  type: 'Message',
  createdAt: 1_790_000_000_123,
  tenantId: 'tenant-1',
  body: `{"id":"${id}","text":"Привет"}`,
  queue: '',
  ...more,
})

describe.skipIf(noBroker)('Broker, against a real RabbitMQ', () => {
  let rabbit: Rabbit
  const brokers: Broker[] = []
  const lines: unknown[] = []
  beforeAll(async () => {
    rabbit = await startRabbit()
  })
  afterAll(async () => {
    for (const broker of brokers) await broker.close()
    await rabbit.close()
  })

  const create = (variables: BrokerVariables): Broker => {
    const settings = brokerSettings({ RABBITMQ_URL: rabbit.url, ...variables })
    if (settings === undefined) throw new Error('no settings')
    const log = (...line: unknown[]) => lines.push(line)
    const broker = new Broker({ settings, clock: systemClock, log })
    brokers.push(broker)
    return broker
  }
  /** As the session does: the same again until the broker has it. */
  const publishUntilConfirmed = async (broker: Broker, each: BrokerMessage): Promise<number> => {
    for (let attempt = 1; ; attempt += 1) {
      if ((await broker.publish(each)).kind === 'delivered') return attempt
    }
  }

  it('[defect 22] [BR1] publishes persistent messages to a durable queue and waits for the confirmation', async () => {
    const queue = rabbit.queue()
    const broker = create({ RABBITMQ_QUEUE: queue })
    expect(await broker.publish(message('evt_1'))).toEqual({ kind: 'delivered' })
    const [taken] = await rabbit.take(queue, 1)
    expect(taken).toMatchObject({
      messageId: 'evt_1',
      type: 'Message',
      timestamp: 1_790_000_000,
      durable: true,
      contentType: 'application/json',
      headers: { 'x-instance-id': 'tenant-1', 'x-event-type': 'Message' },
      body: { id: 'evt_1', text: 'Привет' },
    })
  })

  it('[BR2] with an exchange, routes by event type to the bound queue', async () => {
    const queue = rabbit.queue()
    const exchange = `${queue}-events`
    const broker = create({
      RABBITMQ_QUEUE: queue,
      RABBITMQ_EXCHANGE: exchange,
      RABBITMQ_BINDINGS: 'Message, ReadReceipt',
    })
    for (const type of ['Message', 'Typing', 'ReadReceipt']) {
      expect(await broker.publish(message(`evt_${type}`, { type }))).toEqual({ kind: 'delivered' })
    }
    const taken = await rabbit.take(queue, 2)
    expect(taken.map(({ routingKey }) => routingKey)).toEqual(['Message', 'ReadReceipt'])
    await rabbit.own.exchangeDelete({ exchange })
  })

  it("[BR3] makes a tenant's own queue, and again when somebody deletes it", async () => {
    const own = rabbit.queue()
    const broker = create({ RABBITMQ_QUEUE: rabbit.queue() })
    await broker.publish(message('evt_1', { queue: own }))
    await rabbit.own.queueDelete(own)
    // Nothing takes it: it must not count as delivered.
    expect(await broker.publish(message('evt_2', { queue: own }))).toEqual({
      kind: 'failed',
      error: 'no queue took the message',
    })
    expect(await broker.publish(message('evt_2', { queue: own }))).toEqual({ kind: 'delivered' })
    expect((await rabbit.take(own, 1)).map(({ messageId }) => messageId)).toEqual(['evt_2'])
  })

  it('[defect 22] [BR4] comes back by itself after the broker was gone', async () => {
    const queue = rabbit.queue()
    const broker = create({ RABBITMQ_QUEUE: queue })
    await broker.publish(message('evt_1'))
    rabbit.cut()
    expect((await broker.publish(message('evt_2'))).kind).toBe('failed')
    rabbit.mend()
    await publishUntilConfirmed(broker, message('evt_2'))
    const taken = await rabbit.take(queue, 2)
    expect(taken.map(({ messageId }) => messageId)).toEqual(['evt_1', 'evt_2'])
  }, 60_000)

  it('[BR5] keeps credentials out of errors and of the log', async () => {
    const broker = create({ RABBITMQ_URL: rabbit.url.replace('guest:guest', 'guest:wrong-secret') })
    const outcome = await broker.publish(message('evt_1'))
    expect(outcome.kind).toBe('failed')
    expect(JSON.stringify([outcome, lines])).not.toMatch(/guest|secret/)
  }, 20_000)
})

describe('brokerSettings', () => {
  it('is nothing without a URL, and has the defaults of the original with one', () => {
    expect(brokerSettings({})).toBeUndefined()
    expect(brokerSettings({ RABBITMQ_URL: 'amqp://broker' })).toEqual({
      url: 'amqp://broker',
      queue: 'max_events',
      exchange: '',
      bindings: ['#'],
      events: ['All'],
    })
  })

  it.each([
    ['RABBITMQ_URL', 'https://user:secret@broker'],
    ['RABBITMQ_QUEUE', 'amq.secret'],
    ['RABBITMQ_EXCHANGE', 'amq.secret'],
    ['RABBITMQ_EVENTS', 'secret'],
  ])('names %s when it is wrong, and does not repeat it', (name, value) => {
    const read = () => brokerSettings({ RABBITMQ_URL: 'amqp://broker', [name]: value })
    expect(read).toThrow(name)
    expect(read).not.toThrow('secret')
  })
})
