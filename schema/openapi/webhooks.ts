import type { EventRow } from '../events/define.ts'
import { type EventName, eventExample, events } from '../events.ts'
import type { Json, Schemas } from './json-schema.ts'

const header = (name: string, description: string, example: string): Json => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
  example,
})

const EVENT_ID = 'evt_52b49d9e1df64b7f9e4eb0ce1a2cbf8a'

/** The headers of every delivery, after Standard Webhooks. */
export const webhookParameters: Record<string, Json> = {
  WebhookId: header(
    'webhook-id',
    'Id of the event, the same at every attempt: skip one that you have seen.',
    EVENT_ID,
  ),
  WebhookTimestamp: header(
    'webhook-timestamp',
    'When this attempt was made, in Unix seconds: refuse what is older than five minutes.',
    '1795452846',
  ),
  WebhookSignature: header(
    'webhook-signature',
    'One or more of `v1,<base64>` with blanks between: HMAC-SHA256 of `id.timestamp.body`.',
    'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  ),
}

/** What every event has around its payload. */
export const eventEnvelope: Json = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'The same as the header `webhook-id`.' },
    sequence: { type: 'integer', description: "Grows by one in the tenant's event log." },
    type: { type: 'string', enum: Object.keys(events) },
    timestamp: { type: 'string', format: 'date-time' },
    opcode: { type: 'integer', description: 'The push of MAX that this event was made from.' },
    event: { type: 'object', description: 'What MAX pushed, with ids that no client rounds.' },
    userID: { type: 'string', description: 'Id of the tenant.' },
    instanceID: { type: 'string', description: 'The same as `userID`.' },
    instanceName: { type: 'string', description: 'Name of the tenant.' },
    eventTimestamp: { type: 'integer', description: '`timestamp` in Unix seconds.' },
  },
  required: ['id', 'sequence', 'type', 'timestamp', 'userID', 'instanceID'],
}

/** The request that every event makes at the webhook, by the event's name. */
export const renderWebhooks = (schemas: Schemas): Json =>
  Object.fromEntries(
    (Object.entries(events) as [EventName, EventRow][]).map(([name, row]) => [
      name,
      { post: deliveryOf(name, row, schemas) },
    ]),
  )

const deliveryOf = (name: EventName, row: EventRow, schemas: Schemas): Json => ({
  operationId: `on${name}`,
  tags: ['events'],
  summary: row.summary,
  ...(row.description === undefined ? {} : { description: row.description }),
  // What speaks for the caller is its signature.
  security: [],
  parameters: Object.keys(webhookParameters).map((parameter) => ({
    $ref: `#/components/parameters/${parameter}`,
  })),
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Event' },
            { type: 'object', properties: { type: { const: name } } },
            schemas.render(row.schema, 'output'),
          ],
        },
        example: eventExample(name),
      },
    },
  },
  responses: {
    '2XX': { description: 'Received. Nothing of the body is read.' },
    410: { description: 'The webhook is gone for good: nothing more is delivered to it.' },
    default: {
      description: 'Tried again later, for about three days; `Retry-After` is honoured.',
    },
  },
})
