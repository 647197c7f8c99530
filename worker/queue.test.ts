import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../connector/clock.ts'
import { queue } from '../connector/deliver/queue.ts'
import { newSigningSecret } from '../connector/deliver/signature.ts'
import { FakeSession } from '../test/contract/edge.ts'
import { forwardEvents, type QueueMessage } from './queue.ts'

const bodyOf = (sequence: number, text = 'Привет'): string =>
  JSON.stringify({ id: `evt_${sequence}`, sequence, type: 'Message', instanceID: 't-1', text })

/** A message whose fate is told in one word. */
const message = (body: unknown, attempts = 1): QueueMessage & { fate: string } => {
  const self = {
    body,
    attempts,
    fate: '',
    ack: () => {
      self.fate = 'ack'
    },
    retry: (options?: { delaySeconds?: number }) => {
      self.fate = `retry in ${options?.delaySeconds} s`
    },
  }
  return self
}

const setUp = (answer: () => Response = () => new Response()) => {
  const session = new FakeSession(() => {})
  const secret = newSigningSecret()
  const seen: { body: string; headers: Record<string, string> }[] = []
  const lines: unknown[] = []
  const run = (messages: QueueMessage[]) =>
    forwardEvents(
      messages,
      {
        sessions: { getByName: () => session },
        log: (...line) => lines.push(line),
      },
      {
        url: 'https://receiver.example.com/',
        secret,
        clock: systemClock,
        fetch: async (_url, init) => {
          seen.push({
            body: String(init.body),
            headers: Object.fromEntries(new Headers(init.headers)),
          })
          return answer()
        },
      },
    )
  return { session, secret, seen, lines, run }
}

/** What the destination puts into the queue for an event. */
const queued = async (body: string): Promise<string[]> => {
  const sent: string[] = []
  const destination = queue({
    tenantId: 't-1',
    events: ['All'],
    send: async (text) => sent.push(text),
  })
  const event = {
    id: 'evt_7',
    sequence: 7,
    type: 'Message',
    lane: 0,
    chatId: null,
    createdAt: 0,
    body,
  }
  expect(await destination.deliver([event], { attempt: 1, replay: false })).toEqual({
    kind: 'delivered',
  })
  return sent
}

describe('the consumer of the queue', () => {
  it('hands the stored bytes on, signed as a webhook is', async () => {
    const { run, seen, secret } = setUp()
    const body = bodyOf(7)
    const [text] = await queued(body)
    const one = message(text)
    await run([one])
    expect(one.fate).toBe('ack')
    expect(seen[0]?.body).toBe(body)
    expect(new Webhook(secret).verify(body, seen[0]?.headers ?? {})).toBeTruthy()
    expect(seen[0]?.headers).toMatchObject({ 'webhook-id': 'evt_7', 'maxapi-event': 'Message' })
  })

  it('reads an event that is too large for the queue from the log', async () => {
    const { run, seen, session } = setUp()
    const large = bodyOf(7, 'ы'.repeat(70_000))
    const [text = ''] = await queued(large)
    expect(text.length).toBeLessThan(200)
    session.events.set(7, large)
    const one = message(text)
    await run([one])
    expect([one.fate, seen[0]?.body === large]).toEqual(['ack', true])
  })

  it('sends back what the receiver does not take, later and later, and as late as it asks', async () => {
    const refusing = setUp(() => new Response('', { status: 500 }))
    const tries = [1, 2, 5, 50].map((attempts) => message(bodyOf(attempts), attempts))
    await refusing.run(tries)
    expect(tries.map(({ fate }) => fate)).toEqual([
      'retry in 5 s',
      'retry in 10 s',
      'retry in 80 s',
      'retry in 3600 s',
    ])
    const busy = setUp(() => new Response('', { status: 429, headers: { 'retry-after': '90' } }))
    const one = message(bodyOf(1))
    await busy.run([one])
    expect(one.fate).toBe('retry in 90 s')
  })

  it('does not let one unreadable message hold up the others', async () => {
    const { run, lines } = setUp()
    const messages = [message('no json'), message(bodyOf(1))]
    await run(messages)
    expect(messages.map(({ fate }) => fate)).toEqual(['retry in 5 s', 'ack'])
    expect(lines).toHaveLength(1)
  })
})
