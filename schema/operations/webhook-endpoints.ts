import { z } from 'zod'
import {
  EndpointModel,
  endpointFields,
  endpointId,
  endpointUrl,
  secretInput,
} from '../webhook-endpoint.ts'
import { operation } from './define.ts'

const HOUR_MS = 3_600_000
const id = endpointId
const optional = z.object(endpointFields).partial().shape
const secret = z.string().describe('Signing secret')

/** An endpoint with invented values. */
const endpoint = {
  id: 'wh_5f0c2b7a91d3e846',
  url: 'https://example.com/max',
  description: 'CRM',
  enabled: true,
  events: ['Message', 'MessageStatus'],
  chats: null,
  format: 'json',
  headerNames: ['authorization'],
  timeoutMs: 15_000,
  scheduleMs: [5_000, 30_000, 120_000],
  order: 'chat',
  batch: null,
  hmac: false,
  createdAt: '2026-09-21T14:13:20.100Z',
  updatedAt: '2026-09-21T14:13:20.100Z',
  status: { state: 'active', pending: 0, parked: 0, redeliveries: 0, failures: 0 },
}
const exampleSecret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='

export const webhookEndpointOperations = {
  listWebhookEndpoints: operation({
    method: 'GET',
    path: '/webhooks',
    scope: 'tenant',
    summary: 'All endpoints that events go to, and how they do',
    description: 'The endpoint of `/webhook` is the one with the id `default`. There may be 20.',
    example: { input: {}, output: { webhooks: [endpoint] } },
    input: z.object({}),
    output: z.looseObject({ webhooks: z.array(EndpointModel) }),
    run: async (session) => ({ webhooks: session.webhooks.list() }),
  }),
  createWebhookEndpoint: operation({
    method: 'POST',
    path: '/webhooks',
    scope: 'tenant',
    summary: 'Add an endpoint; it gets the events from now on',
    description:
      'Each endpoint has its own place in the event log: a bad one delays no other. Default: all events, `json`, 15 s, 12 attempts over three days, order by chat. To have older events too, `POST /webhooks/{id}/replay`.',
    example: {
      input: {
        url: endpoint.url,
        description: 'CRM',
        events: ['Message', 'MessageStatus'],
        headers: { authorization: 'Bearer 6b1f' },
        scheduleMs: endpoint.scheduleMs,
      },
      output: { ...endpoint, secret: exampleSecret },
    },
    creates: true,
    input: z.object({ url: endpointUrl, secret: secretInput.optional(), ...optional }),
    output: EndpointModel.extend({ secret }),
    errors: ['FORBIDDEN', 'CONFLICT'],
    run: async ({ webhooks }, input) => ({ ...(await webhooks.create(input)) }),
    secrets: async ({ webhooks }, { id }) => ({ secret: await webhooks.secretOf(String(id)) }),
  }),
  getWebhookEndpoint: operation({
    method: 'GET',
    path: '/webhooks/:id',
    scope: 'tenant',
    summary: 'One endpoint, with the secret that signs its requests',
    description:
      'Its settings, how it does (`status`), and the secret. Own headers are named; their values are never shown.',
    example: { input: { id: endpoint.id }, output: { ...endpoint, secret: exampleSecret } },
    input: z.object({ id }),
    output: EndpointModel.extend({ secret }),
    errors: ['NOT_FOUND'],
    run: async ({ webhooks }, input) => ({
      ...webhooks.get(input.id),
      secret: await webhooks.secretOf(input.id),
    }),
  }),
  updateWebhookEndpoint: operation({
    method: 'PUT',
    path: '/webhooks/:id',
    scope: 'tenant',
    summary: 'Change an endpoint; fields that are left out stay as they are',
    description:
      'Acts at once. Another `url`, or `enabled: true`, also ends a pause after failures and gives a disabled endpoint another chance. With the id `default` it sets what `/webhook` sets.',
    example: {
      input: { id: endpoint.id, order: 'strict', headers: { 'x-old': null } },
      output: { ...endpoint, order: 'strict' },
    },
    input: z.object({ id, url: endpointUrl.optional(), ...optional }),
    output: EndpointModel,
    errors: ['NOT_FOUND', 'FORBIDDEN'],
    run: ({ webhooks }, { id, ...change }) => webhooks.update(id, change),
  }),
  deleteWebhookEndpoint: operation({
    method: 'DELETE',
    path: '/webhooks/:id',
    scope: 'tenant',
    summary: 'Remove an endpoint, with its log of deliveries',
    description:
      'What waits for it is not delivered. `default` stays without URL and settings, and keeps its secret.',
    example: { input: { id: endpoint.id }, output: { message: 'Webhook deleted' } },
    input: z.object({ id }),
    output: z.looseObject({ message: z.string() }),
    errors: ['NOT_FOUND'],
    run: async ({ webhooks }, input) => {
      webhooks.remove(input.id)
      return { message: 'Webhook deleted' }
    },
  }),
  rotateWebhookSecret: operation({
    method: 'POST',
    path: '/webhooks/:id/secret',
    scope: 'tenant',
    summary: 'Give an endpoint another signing secret',
    description:
      'Until `oldSecretUntil` the old secret signs too: `webhook-signature` then holds two signatures, the new one first, and a receiver may know either.',
    example: {
      input: { id: endpoint.id, keepOldHours: 24 },
      output: { secret: exampleSecret, oldSecretUntil: '2026-09-22T14:13:20.100Z' },
    },
    input: z.object({
      id,
      secret: secretInput.optional(),
      keepOldHours: z
        .number()
        .min(0)
        .max(72)
        .default(24)
        .describe('How long the old secret signs too'),
    }),
    output: z.looseObject({ secret, oldSecretUntil: z.string() }),
    errors: ['NOT_FOUND'],
    run: ({ webhooks }, { id, secret, keepOldHours }) =>
      webhooks.rotate(id, { secret, keepOldMs: keepOldHours * HOUR_MS }),
  }),
  pauseWebhookEndpoint: operation({
    method: 'POST',
    path: '/webhooks/:id/pause',
    scope: 'tenant',
    summary: 'Send nothing to an endpoint for now; it keeps its place',
    description: 'Events wait in the log for as long as retention keeps them.',
    example: {
      input: { id: endpoint.id },
      output: { ...endpoint, status: { ...endpoint.status, state: 'paused' } },
    },
    input: z.object({ id }),
    output: EndpointModel,
    errors: ['NOT_FOUND'],
    run: async ({ webhooks }, input) => webhooks.pause(input.id),
  }),
  resumeWebhookEndpoint: operation({
    method: 'POST',
    path: '/webhooks/:id/resume',
    scope: 'tenant',
    summary: 'Go on with an endpoint where it stopped',
    description:
      'Ends a pause of yours, and the pause after failures. One that was disabled starts at the log’s end.',
    example: { input: { id: endpoint.id }, output: endpoint },
    input: z.object({ id }),
    output: EndpointModel,
    errors: ['NOT_FOUND'],
    run: async ({ webhooks }, input) => webhooks.resume(input.id),
  }),
}
