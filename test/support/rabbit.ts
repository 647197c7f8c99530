import { createServer, connect as dial, type Socket } from 'node:net'
import { Connection } from 'rabbitmq-client'

/** Where a RabbitMQ for tests listens; its contents are nobody's. */
const BROKER_URL = process.env.RABBITMQ_TEST_URL ?? 'amqp://guest:guest@127.0.0.1:5672'

/** Whether a broker listens there. */
const reachable = await new Promise<boolean>((resolve) => {
  const { hostname, port } = new URL(BROKER_URL)
  const socket = dial(Number(port || 5672), hostname)
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  socket.once('connect', () => socket.destroy())
})
if (!reachable) {
  process.stderr.write(
    'No RabbitMQ on 127.0.0.1:5672: its tests are skipped (install rabbitmq-server)\n',
  )
}

/** For `describe.skipIf`. */
export const noBroker = !reachable

export interface Rabbit {
  /** For what is tested: leads to the broker through a line that can be cut. */
  url: string
  /** The test's own line to the broker. */
  own: Connection
  /** Cuts all lines and takes no new ones until `mend`. */
  cut(): void
  mend(): void
  /** A name for a queue that nobody else has; it goes with `close`. */
  queue(): string
  /** Takes messages until there are as many different ones; repeated ones are among them. */
  take(queue: string, count: number): Promise<Taken[]>
  close(): Promise<void>
}
export interface Taken {
  messageId: string
  type: string
  timestamp: number
  durable: boolean
  contentType: string
  headers: Record<string, unknown>
  routingKey: string
  /** Parsed by the client. */
  body: unknown
}

/** A broker for one test file. */
export const startRabbit = async (): Promise<Rabbit> => {
  const { hostname, port, username, password } = new URL(BROKER_URL)
  const lines = new Set<Socket>()
  let isCut = false
  const proxy = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = dial(Number(port || 5672), hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      lines.add(one)
      one.pipe(other)
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          lines.delete(one)
          other.destroy()
        })
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const own = new Connection(BROKER_URL)
  // A broker that is stopped under it is no news: it connects again by itself.
  own.on('error', () => {})
  const queues = new Set<string>()
  return {
    url: `amqp://${username}:${password}@127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    own,
    cut: () => {
      isCut = true
      for (const line of lines) line.destroy()
    },
    mend: () => {
      isCut = false
    },
    queue: () => {
      const name = `test-${crypto.randomUUID()}`
      queues.add(name)
      return name
    },
    take: (queue, count) =>
      new Promise((resolve, reject) => {
        const taken: Taken[] = []
        const consumer = own.createConsumer(
          { queue, queueOptions: { durable: true }, qos: { prefetchCount: 1000 } },
          async (message) => {
            taken.push(message as unknown as Taken)
            const different = new Set(taken.map(({ messageId }) => messageId))
            if (different.size === count)
              setImmediate(() => consumer.close().then(() => resolve(taken), reject))
          },
        )
        consumer.on('error', reject)
      }),
    close: async () => {
      for (const queue of queues) await own.queueDelete(queue)
      await own.close()
      proxy.close()
      for (const line of lines) line.destroy()
    },
  }
}
