import { z } from 'zod'
import type { Clock } from '../connector/clock.ts'
import { webhook } from '../connector/deliver/webhook.ts'
import type { Outcome } from '../connector/destination.ts'
import { type Fetch, Outbound } from '../connector/outbound-fetch.ts'
import { mapLimit } from './concurrency.ts'
import type { Gateway } from './gateway.ts'
import { describeError } from './log.ts'

const CONCURRENCY = 6
const HOUR_S = 3_600

/** What a consumer needs of an event, from its body or from the pointer to it. */
const Facts = z.object({
  id: z.string(),
  sequence: z.number(),
  type: z.string(),
  instanceID: z.string(),
  pointer: z.literal(true).optional(),
})

/** The part of a Queues message that is used here. */
export interface QueueMessage {
  body: unknown
  attempts: number
  ack(): void
  retry(options?: { delaySeconds?: number }): void
}

export interface QueueTarget {
  /** Where events go. */
  url: string
  /** `whsec_…`; `''` for no signature. */
  secret: string
  fetch: Fetch
  clock: Clock
}

/**
 * Takes events out of the queue and hands them to one receiver, as webhooks are: signed, one by one.
 * What the receiver does not take goes back into the queue, later and later; the queue's own settings
 * say when a message ends in its dead letter queue.
 */
export const forwardEvents = async (
  messages: readonly QueueMessage[],
  gateway: Pick<Gateway, 'sessions' | 'log'>,
  target: QueueTarget,
): Promise<void> => {
  const outbound = new Outbound({
    // The operator chose this address, not a tenant.
    policy: { allowPrivate: true },
    clock: target.clock,
    fetch: target.fetch,
  })
  const secrets = { signing: target.secret ? [{ secret: target.secret }] : [], headers: {} }
  const destination = webhook(
    {
      id: 'queue',
      url: target.url,
      format: 'json',
      wants: () => true,
      secrets: async () => secrets,
    },
    { outbound, clock: target.clock },
  )
  const forward = async ({ body, attempts }: QueueMessage): Promise<Outcome> => {
    const text = String(body)
    const { id, sequence, type, instanceID, pointer } = Facts.parse(JSON.parse(text))
    const stored = pointer ? await gateway.sessions.getByName(instanceID).readEvent(sequence) : text
    if (stored === undefined) return { kind: 'gone', error: 'the event is no longer in the log' }
    const event = { id, sequence, type, lane: 0, chatId: null, createdAt: 0, body: stored }
    return destination.deliver([event], { attempt: attempts, replay: false })
  }
  await mapLimit(messages, CONCURRENCY, async (message) => {
    const outcome = await forward(message).catch((error: unknown): Outcome => {
      gateway.log('error', 'an event of the queue is unreadable', describeError(error))
      return { kind: 'failed', error: 'unreadable' }
    })
    if (outcome.kind === 'delivered') message.ack()
    else message.retry({ delaySeconds: retryDelay(message.attempts, outcome) })
  })
}

/** 5 s, doubling up to an hour; the receiver may ask for more within it. */
const retryDelay = (attempts: number, outcome: Outcome): number => {
  const asked = outcome.kind === 'failed' ? (outcome.retryAfterMs ?? 0) / 1000 : 0
  return Math.min(HOUR_S, Math.max(5 * 2 ** Math.min(attempts - 1, 10), Math.ceil(asked)))
}
