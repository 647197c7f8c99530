import { type Operation, operations } from '../operations/index.ts'
import { ErrorResponses, errorSchemas } from './errors.ts'
import { type Json, Schemas } from './json-schema.ts'
import { OperationRenderer, tagOf, templateOf } from './operations.ts'
import { describeTag, EVENTS_TAG } from './tags.ts'
import { eventEnvelope, renderWebhooks, webhookParameters } from './webhooks.ts'

export interface OpenApi {
  openapi: string
  info: Json
  servers: Json[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Json>>
  webhooks: Json
  components: Record<string, Json>
}

const description = `\
MAX Messenger accounts as an HTTP API. Every answer is a flat JSON object: \`{"success":true, …}\`, or
\`{"success":false,"error","code","requestId"}\` with a stable \`code\`. Ids go in as numbers or decimal
strings of any size; message ids come out as strings, because they do not fit a double. Field names
of a body match without regard to case, and unknown fields are ignored.`

const securitySchemes: Record<string, Json> = {
  tenantToken: {
    type: 'apiKey',
    in: 'header',
    name: 'token',
    description: "The tenant's API token, as the original MaxAPI takes it.",
  },
  tenantBearer: { type: 'http', scheme: 'bearer', description: "The tenant's API token." },
  adminToken: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'The admin token alone, as the original MaxAPI takes it.',
  },
  adminBearer: { type: 'http', scheme: 'bearer', description: 'The admin token.' },
}

const headers: Record<string, Json> = {
  RequestId: {
    description: 'Id of the request; the same as `requestId` of an error.',
    schema: { type: 'string', format: 'uuid' },
  },
  RetryAfter: {
    description: 'Seconds after which trying again can help, when they are known.',
    schema: { type: 'integer' },
  },
  IdempotentReplayed: {
    description: '`true` when this is the stored answer to an earlier request of the same key.',
    schema: { type: 'string', enum: ['true'] },
  },
}

const IdempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Makes repeating the request safe for 24 hours: the same key and body do nothing twice, and the stored answer comes back.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  example: 'order-4711-confirmation',
}

const PreferAsync: Json = {
  name: 'Prefer',
  in: 'header',
  required: false,
  description:
    '`respond-async`: answers 202 as soon as the message is written down. It leaves when the session is online, within a day; its status is at the `Location` of the answer.',
  schema: { type: 'string' },
  example: 'respond-async',
}

const LastEventId: Json = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description:
    'Sequence of the last event you have, as clients of server-sent events send it when they connect again. It wins over `after`.',
  schema: { type: 'integer', minimum: 0 },
  example: 318,
}

const Accepted: Json = {
  description: 'The message is written down and will be sent; asked for with `Prefer`.',
  headers: {
    'Request-Id': { $ref: '#/components/headers/RequestId' },
    'Idempotent-Replayed': { $ref: '#/components/headers/IdempotentReplayed' },
    'Preference-Applied': { schema: { type: 'string', const: 'respond-async' } },
    Location: {
      description: 'Where the status of the message is.',
      schema: { type: 'string', examples: ['/messages/msg_mu9ph3s1'] },
    },
  },
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          success: { type: 'boolean', const: true },
          id: { type: 'string', description: 'Our id of the message.' },
          status: { type: 'string', const: 'queued' },
        },
        required: ['success', 'id', 'status'],
      },
      example: { success: true, id: 'msg_mu9ph3s1', status: 'queued' },
    },
  },
}

/** The whole surface as an OpenAPI 3.1 document, derived from the tables. */
export const openApiDocument = (version: string): OpenApi => {
  const schemas = new Schemas()
  for (const [name, schema] of Object.entries(errorSchemas)) schemas.add(name, schema)
  schemas.add('Event', eventEnvelope)
  const errors = new ErrorResponses()
  const renderer = new OperationRenderer(schemas, errors)

  const rows = Object.entries(operations) as [string, Operation][]
  const paths: OpenApi['paths'] = {}
  for (const [name, row] of rows) {
    const path = templateOf(row.path)
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: renderer.render(name, row) }
  }
  const webhooks = renderWebhooks(schemas)
  return {
    openapi: '3.1.1',
    info: {
      title: 'MaxAPI',
      version,
      summary: 'HTTP API gateway for MAX Messenger accounts',
      description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This gateway' }],
    tags: [...new Set([...rows.map(([, row]) => tagOf(row.path)), EVENTS_TAG])].map((name) => ({
      name,
      description: describeTag(name),
    })),
    paths,
    webhooks,
    components: {
      securitySchemes,
      schemas: schemas.components,
      parameters: { IdempotencyKey, PreferAsync, LastEventId, ...webhookParameters },
      headers,
      responses: { Accepted, ...errors.components },
    },
  }
}
