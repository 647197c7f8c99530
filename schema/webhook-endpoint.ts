import { z } from 'zod'
import { eventListInput } from './events.ts'
import { idInput } from './ids.ts'
import { deliveryOrders, webhookFormats } from './webhooks-port.ts'

/** What an owner may say about an endpoint, and how it is shown. */

const SECOND_MS = 1_000
const DAY_MS = 86_400_000

/** Headers that belong to the connection, or that we set ourselves. */
const reserved =
  /^(connection|keep-alive|proxy-.*|te|trailers?|transfer-encoding|upgrade|host|expect|content-.*|accept-encoding|date|user-agent|webhook-.*|maxapi-.*|traceparent|tracestate|x-hmac-signature|cf-.*|x-forwarded-.*|x-real-ip)$/i

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'expected the name of a header')
  .refine((name) => !reserved.test(name), 'this header is set by the gateway')

const headersInput = z
  .record(
    headerName,
    z
      .string()
      .max(1_024)
      .regex(/^[\x20-\x7e]*$/, 'expected printable ASCII')
      .nullable(),
  )
  .refine((headers) => Object.keys(headers).length <= 20, 'at most 20 headers')
  .describe(
    'Own headers, an `Authorization` for instance. Their values are never shown again; `null` removes one, those not named stay',
  )

export const secretInput = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'expected whsec_ and 24 to 64 bytes in base64')
  .refine((secret) => isKey(secret.slice('whsec_'.length)), {
    error: 'expected whsec_ and 24 to 64 bytes in base64',
  })
  .describe(
    'Signing secret: `whsec_` and 24 to 64 bytes in base64. One is made when it is left out',
  )

const isKey = (base64: string): boolean => {
  try {
    const { length } = atob(base64)
    return length >= 24 && length <= 64
  } catch {
    return false
  }
}

const chatIds = z
  .array(idInput)
  .max(1_000)
  .transform((ids) => ids.map(String))

/** Fields of an endpoint as a caller gives them; none of them has a default here. */
export const endpointFields = {
  events: eventListInput.describe('Names of the events to deliver; `All` for every one'),
  chats: z
    .strictObject({
      include: chatIds.optional().describe('Events of these chats only'),
      exclude: chatIds.optional().describe('No events of these chats'),
    })
    .nullable()
    .describe('Which chats it hears of; events that belong to no chat always pass. `null`: all'),
  format: z
    .enum(webhookFormats)
    .describe('`json`, or `form` with a field for each part of the event, as the original had it'),
  headers: headersInput,
  timeoutMs: z
    .int()
    .min(3_000)
    .max(30_000)
    .describe('How long the receiver has for its whole answer'),
  scheduleMs: z
    .array(z.int().min(SECOND_MS).max(DAY_MS))
    .max(20)
    .describe(
      'Waits before the 2nd, 3rd, … attempt at an event; after the last attempt it is parked. Each varies by 20 %. `[]`: one attempt only',
    ),
  order: z
    .enum(deliveryOrders)
    .describe(
      '`chat`: events of one chat stay in order, up to four chats at once. `strict`: one event after the other. `none`: an event that fails lets those behind it pass',
    ),
  batch: z
    .strictObject({
      maxEvents: z.int().min(2).max(100),
      maxWaitMs: z.int().min(0).max(60_000).default(1_000),
    })
    .nullable()
    .describe(
      'Several events a request, as an array in the order of the log, one request at a time; `json` only. `null`: one event a request',
    ),
  hmac: z
    .boolean()
    .describe(
      'Sends `x-hmac-signature` too: HMAC-SHA256 of the body in hex, with the whole text of the secret as key',
    ),
  enabled: z.boolean().describe('`false`: not called; enabled again it starts at the log’s end'),
  description: z.string().trim().max(200),
}

export const endpointUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http(s) URL' })
  .max(2_048)
  .describe('https, and no address of a private network, unless the deployment allows it')

export const endpointId = z
  .string()
  .min(1)
  .max(64)
  .describe('`default` is the endpoint that `/webhook` sets')

export const EndpointModel = z
  .looseObject({
    id: z.string(),
    url: z.string(),
    description: z.string(),
    enabled: z.boolean(),
    events: z.array(z.string()),
    chats: z
      .looseObject({
        include: z.array(z.string()).optional(),
        exclude: z.array(z.string()).optional(),
      })
      .nullable(),
    format: z.enum(webhookFormats),
    headerNames: z.array(z.string()).describe('Own headers; their values are not shown'),
    timeoutMs: z.number(),
    scheduleMs: z.array(z.number()),
    order: z.enum(deliveryOrders),
    batch: z.looseObject({ maxEvents: z.number(), maxWaitMs: z.number() }).nullable(),
    hmac: z.boolean(),
    createdAt: z.string(),
    updatedAt: z.string(),
    status: z.looseObject({
      state: z
        .enum(['active', 'failing', 'paused', 'disabled'])
        .describe('`failing`: it pauses, and is probed with one request at a time'),
      reason: z.string().optional().describe('Why it is disabled'),
      pending: z.number().describe('Events behind its place in the log, wanted or not'),
      parked: z.number().describe('Events given up on that the log still holds'),
      redeliveries: z.number().describe('Events asked for again that wait'),
      failures: z.number().describe('Failed attempts in a row'),
      lastError: z.string().optional(),
      lastSuccessAt: z.string().optional(),
      failingSince: z.string().optional(),
      nextAttemptAt: z.string().optional(),
    }),
  })
  .meta({ id: 'WebhookEndpoint' })

export const DeliveryModel = z
  .looseObject({
    id: z.string(),
    eventId: z.string(),
    sequence: z.number(),
    events: z.number().describe('Events the request carried; the ids are those of the first'),
    type: z.string(),
    attempt: z.number(),
    at: z.string(),
    durationMs: z.number(),
    outcome: z
      .enum(['delivered', 'failed', 'parked', 'gone'])
      .describe('`failed` is tried again; `parked` was given up on; `gone`: the receiver said 410'),
    httpStatus: z.number().optional(),
    error: z.string().optional(),
    answer: z.string().optional().describe('The first 1 KiB of what the receiver answered'),
    replay: z.boolean(),
  })
  .meta({ id: 'WebhookDelivery' })
