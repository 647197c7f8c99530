import { z } from 'zod'
import { eventListInput } from '../events.ts'
import { DeliveryModel, endpointId as id } from '../webhook-endpoint.ts'
import { operation } from './define.ts'
import { pageInput } from './sends.ts'

const time = z.union([
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  z.int().min(0),
])

const webhookId = 'wh_5f0c2b7a91d3e846'
const eventId = 'evt_52b49d9e1df64b7f9e4eb0ce1a2cbf8a'
const delivery = {
  id: 'dlv_1042',
  eventId,
  sequence: 318,
  events: 1,
  type: 'Message',
  attempt: 2,
  at: '2026-09-21T14:13:25.311Z',
  durationMs: 84,
  outcome: 'failed',
  httpStatus: 502,
  error: 'the receiver answered 502',
  answer: 'Bad Gateway',
  replay: false,
}

export const webhookDeliveryOperations = {
  listWebhookDeliveries: operation({
    method: 'GET',
    path: '/webhooks/:id/deliveries',
    scope: 'tenant',
    summary: 'Every attempt to deliver to an endpoint, newest first',
    description: 'Kept for 7 days, and for the last 50,000 attempts of the tenant.',
    example: {
      input: { id: webhookId, status: 'failed', limit: 1 },
      output: { deliveries: [delivery], nextCursor: 'dlv_1042' },
    },
    input: z.object({
      id,
      status: z
        .enum(['all', 'failed', 'parked'])
        .default('all')
        .describe(
          '`failed`: all that did not arrive; `parked`: the last attempts of those given up',
        ),
      ...pageInput,
    }),
    output: z.looseObject({
      deliveries: z.array(DeliveryModel),
      nextCursor: z.string().optional().describe('Absent on the last page'),
    }),
    errors: ['NOT_FOUND'],
    run: async ({ webhooks }, { id, ...request }) => {
      const { items, ...rest } = webhooks.deliveries(id, request)
      return { deliveries: items, ...rest }
    },
  }),
  retryWebhookDelivery: operation({
    method: 'POST',
    path: '/webhooks/:id/deliveries/:delivery/retry',
    scope: 'tenant',
    summary: 'Send the event of a delivery again, at once',
    description:
      'With the same `webhook-id` and `maxapi-replay: true`. From here on it follows the schedule; live events are not held up.',
    example: {
      input: { id: webhookId, delivery: delivery.id },
      output: { message: 'Queued', events: 1 },
    },
    input: z.object({
      id,
      delivery: z.string().min(1).max(128).describe('Id of a delivery (`dlv_…`), or of an event'),
    }),
    output: z.looseObject({ message: z.string(), events: z.number() }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    run: async ({ webhooks }, input) => ({
      message: 'Queued',
      events: webhooks.retry(input.id, input.delivery),
    }),
  }),
  replayWebhookEvents: operation({
    method: 'POST',
    path: '/webhooks/:id/replay',
    scope: 'tenant',
    summary: 'Send events of the log to an endpoint again',
    description:
      'In the order of the log, one at a time beside the live events, with `maxapi-replay: true`. Answers as soon as they are queued; they survive a restart. What the endpoint’s filters do not let through is left out.',
    example: {
      input: { id: webhookId, since: '2026-09-21T00:00:00Z', types: ['Message'] },
      output: { message: 'Queued', events: 214 },
    },
    input: z.object({
      id,
      since: time
        .optional()
        .describe('ISO 8601 or Unix milliseconds; from the log’s start when left out'),
      until: time.optional().describe('Up to now when left out'),
      types: eventListInput.optional().describe('Of these types only'),
      onlyFailed: z
        .boolean()
        .default(false)
        .describe('Only events that were given up on for this endpoint'),
    }),
    output: z.looseObject({ message: z.string(), events: z.number() }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    run: async ({ webhooks }, { id, ...request }) => ({
      message: 'Queued',
      events: webhooks.replay(id, request),
    }),
  }),
  testWebhookEndpoint: operation({
    method: 'POST',
    path: '/webhooks/:id/test',
    scope: 'tenant',
    summary: 'Send one signed event now, and say what came of it',
    description:
      'An event of the type `Test`, past the queue and whatever state the endpoint is in. It is in no log. A receiver that does not answer 2xx is a success of this call with `delivered: false`.',
    example: {
      input: { id: webhookId },
      output: { eventId, delivered: true, durationMs: 84, httpStatus: 204, answer: '' },
    },
    input: z.object({ id }),
    output: z.looseObject({
      eventId: z.string(),
      delivered: z.boolean(),
      durationMs: z.number(),
      httpStatus: z.number().optional(),
      error: z.string().optional(),
      answer: z.string().optional(),
    }),
    errors: ['NOT_FOUND'],
    run: ({ webhooks }, input) => webhooks.test(input.id),
  }),
}
