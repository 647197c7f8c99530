import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished } from 'vitest'
import {
  type Arrived,
  type DestinationKind,
  destinationContract,
  type Fault,
} from '../../test/contract/destination.ts'
import { eventually } from '../../test/support/eventually.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { noBroker, startRabbit } from '../../test/support/rabbit.ts'
import { Outbound } from '../outbound-fetch.ts'
import { Broker } from './broker.ts'
import { brokerSettings } from './broker-settings.ts'
import { queue } from './queue.ts'
import { rabbitmq } from './rabbitmq.ts'
import { newSigningSecret } from './signature.ts'
import { webhook } from './webhook.ts'

const PATIENCE_MS = 60_000

/** A clock whose time passes only when a test lets it run out. */
const patientClock = () => {
  const clock = new FakeClock(Date.now())
  /** Attempts that do not hang have ended by themselves long before. */
  const runOut = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    await clock.advance(PATIENCE_MS)
  }
  return { clock, runOut }
}

const webhooks: DestinationKind = {
  faults: ['silent', 'failing', 'unauthorized', 'gone', 'endless'],
  create: async () => {
    const taken: Arrived[] = []
    let fault: Fault | undefined
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      const header = (name: string) => String(request.headers[name])
      const timestamp = Number(header('webhook-timestamp'))
      taken.push({ id: header('webhook-id'), type: header('maxapi-event'), timestamp, body })
      const statuses = { failing: 500, unauthorized: 401, gone: 410, endless: 200 }
      if (fault === 'silent') return
      response.writeHead(fault === undefined ? 204 : statuses[fault])
      if (fault !== 'endless') return void response.end()
      const more = (): void => {
        while (response.write('more '.repeat(100))) {}
        response.once('drain', more)
      }
      more()
    }
    const server = createServer((request, response) => void answer(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { clock, runOut } = patientClock()
    const secret = newSigningSecret()
    const { port } = server.address() as AddressInfo
    const destination = webhook(
      {
        id: 'default',
        url: `http://127.0.0.1:${port}/hook?key=of-the-url`,
        format: 'json',
        wants: ({ type }) => type === 'Message',
        secrets: async () => ({
          signing: [{ secret }],
          headers: { authorization: 'Bearer of-the-header' },
        }),
      },
      {
        clock,
        outbound: new Outbound({
          policy: { allowPrivate: true },
          clock,
          fetch: (url, init) => fetch(url, init),
        }),
      },
    )
    return {
      destination,
      secrets: [secret, 'of-the-url', 'of-the-header'],
      arrived: async (count) => {
        await eventually(() => {
          expect(new Set(taken.map(({ id }) => id)).size).toBe(count)
        })
        return taken
      },
      misbehave: (how) => {
        fault = how
      },
      runOut,
    }
  },
}

const queues: DestinationKind = {
  faults: ['failing'],
  create: async () => {
    const taken: Arrived[] = []
    let isFailing = false
    const destination = queue({
      tenantId: 'tenant-1',
      events: ['Message'],
      send: async (text) => {
        if (isFailing) throw new Error('https://queues.example.com/?key=of-the-queue')
        const { id, sequence } = JSON.parse(text) as { id: string; sequence: number }
        // A queue carries the body and nothing beside it; what the body says is the event's.
        const type = sequence % 2 === 0 ? 'Typing' : 'Message'
        taken.push({ id, type, timestamp: Date.now() / 1000, body: text })
      },
    })
    return {
      destination,
      secrets: ['of-the-queue'],
      arrived: async () => taken,
      misbehave: () => {
        isFailing = true
      },
      runOut: async () => {},
    }
  },
}

const brokers: DestinationKind = {
  faults: ['failing'],
  create: async () => {
    const rabbit = await startRabbit()
    const { clock, runOut } = patientClock()
    const name = rabbit.queue()
    const settings = brokerSettings({ RABBITMQ_URL: rabbit.url, RABBITMQ_QUEUE: name })
    if (settings === undefined) throw new Error('no settings')
    const broker = new Broker({ settings, clock, log: () => {} })
    onTestFinished(async () => {
      await broker.close()
      await rabbit.close()
    })
    const destination = rabbitmq({
      tenantId: 'tenant-1',
      queue: '',
      events: ['Message'],
      publish: (message) => broker.publish(message),
    })
    return {
      destination,
      secrets: [settings.url, new URL(settings.url).password].filter(Boolean),
      arrived: async (count) =>
        (await rabbit.take(name, count)).map(({ messageId, type, timestamp, body }) => ({
          id: messageId,
          type,
          timestamp,
          body: JSON.stringify(body),
        })),
      misbehave: () => rabbit.cut(),
      runOut,
    }
  },
}

destinationContract('webhook', webhooks)
destinationContract('Cloudflare Queue', queues)
describe.skipIf(noBroker)('with a broker', () => destinationContract('RabbitMQ', brokers))
