import { describe } from 'vitest'
import { describeDestination, type Got, type Stand } from '../../test/contract/destination.ts'
import { noBroker, startRabbit } from '../../test/support/rabbit.ts'
import { systemClock } from '../clock.ts'
import { Broker } from './broker.ts'
import { brokerSettings } from './broker-settings.ts'
import { queue } from './queue.ts'
import { rabbitmq } from './rabbitmq.ts'

describeDestination('A Cloudflare Queue', async (): Promise<Stand> => {
  const texts: string[] = []
  let isBroken = false
  const destination = queue({
    tenantId: 't-1',
    events: ['All'],
    send: async (text) => {
      if (isBroken) throw new TypeError('queue is full')
      texts.push(text)
    },
  })
  return {
    destination,
    got: async () =>
      texts.map((body) => {
        const { id, type } = JSON.parse(body) as Got
        return { body, id, type }
      }),
    breakReceiver: () => {
      isBroken = true
    },
    mend: () => {
      isBroken = false
    },
  }
})

describe.skipIf(noBroker)('against a real RabbitMQ', () => {
  describeDestination('RabbitMQ', async (): Promise<Stand> => {
    const rabbit = await startRabbit()
    const name = rabbit.queue()
    const brokers: Broker[] = []
    const create = (url: string) => {
      const settings = brokerSettings({ RABBITMQ_URL: url, RABBITMQ_QUEUE: name })
      if (settings === undefined) throw new Error('no settings')
      const broker = new Broker({ settings, clock: systemClock, log: () => {} })
      brokers.push(broker)
      return rabbitmq({
        tenantId: 't-1',
        queue: '',
        events: settings.events,
        publish: (message) => broker.publish(message),
      })
    }
    const taken: Got[] = []
    return {
      destination: create(rabbit.url),
      got: async () => {
        for (;;) {
          const message = await rabbit.own.basicGet({ queue: name, noAck: true })
          if (message === undefined) return taken
          const { messageId = '', type = '', body } = message
          // The client parses what says that it is JSON; ours is written without blanks.
          taken.push({ id: messageId, type, body: JSON.stringify(body) })
        }
      },
      breakReceiver: () => rabbit.cut(),
      mend: () => rabbit.mend(),
      withWrongSecret: () => create(rabbit.url.replace('guest:guest', 'guest:wrong-secret')),
      close: async () => {
        for (const broker of brokers) await broker.close()
        await rabbit.close()
      },
    }
  })
})
