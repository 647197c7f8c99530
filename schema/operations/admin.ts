import { z } from 'zod'
import { eventListInput } from '../events.ts'
import {
  defaultStorage,
  StorageModel,
  storageView,
  tenantStorageInput,
} from '../storage-settings.ts'
import { operation } from './define.ts'
import { webhookInput } from './webhook.ts'

const webhookUrl = webhookInput.describe('Where events go; "" for nowhere')

const maxUserId = z.number().nullable().describe('`null` before the first login')

/** A tenant: the fields of every generation's list. */
export const TenantModel = z
  .object({
    id: z.string(),
    name: z.string(),
    token: z.string().describe('The same as `tokenPreview`'),
    tokenPreview: z.string().describe('First characters of the API token; the rest is not kept'),
    webhook: z.string(),
    events: z.string().describe('Comma-separated event names'),
    sandbox: z.boolean(),
    maxUserId,
    max_user_id: maxUserId.describe('The same'),
    connected: z.union([z.literal(0), z.literal(1)]).describe('1 while the session is online'),
    authenticated: z.boolean().describe('Whether the tenant has a MAX account'),
    state: z.string().describe('As `GET /session/status` has it; `unknown` if nobody answers'),
    createdAt: z.string(),
    history: z.number().describe('Always 0: messages are read from MAX, none are kept'),
    proxy_config: z
      .object({ enabled: z.boolean(), proxy_url: z.string() })
      .describe('Always off: there are no proxies'),
    s3_config: StorageModel,
  })
  .meta({ id: 'Tenant' })

const exampleTenant = {
  id: '79d8e64c-8d9c-4d26-bb4c-94cd7c0f08b1',
  name: 'Shop',
  token: 'mx_abc…',
  tokenPreview: 'mx_abc…',
  webhook: 'https://example.com/hook',
  events: 'All',
  sandbox: false,
  maxUserId: 120000017,
  max_user_id: 120000017,
  connected: 1,
  authenticated: true,
  state: 'online',
  createdAt: '2026-11-23T16:54:06.754Z',
  history: 0,
  proxy_config: { enabled: false, proxy_url: '' },
  s3_config: storageView(defaultStorage),
}

/** A tenant as the newest generation of the original told it, flat beside `data`. */
const flatTenant = {
  id: z.string(),
  name: z.string(),
  token: z.string().describe('First characters of the API token'),
  webhook: z.string(),
  max_user_id: z.number().describe('0 before the first login'),
  device_id: z.string().describe('The device that MAX knows this gateway as; `""` before a login'),
  connected: z.boolean().describe('True while the session is online'),
  connected_flag: z.boolean().describe('Whether it is meant to be online'),
  auth_configured: z.boolean(),
  events: z.array(z.string()),
  proxy_configured: z.boolean(),
  proxy_url: z.string(),
  history: z.number(),
  s3_enabled: z.boolean(),
  s3_endpoint: z.string(),
  s3_region: z.string(),
  s3_bucket: z.string(),
  media_delivery: z.string(),
}

const exampleDetail = {
  data: exampleTenant,
  ...exampleTenant,
  max_user_id: 120000017,
  device_id: '6f1c0f0e-8f0a-4a3c-9a55-0d8a1d6a4c11',
  connected: true,
  connected_flag: true,
  auth_configured: true,
  events: ['All'],
  proxy_configured: false,
  proxy_url: '',
  s3_enabled: false,
  s3_endpoint: '',
  s3_region: 'us-east-1',
  s3_bucket: '',
  media_delivery: 'url',
}

const tokenInput = z
  .string()
  .min(24, 'a chosen token needs at least 24 characters')
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'printable ASCII without blanks')
  .optional()
  .describe('Your own API token instead of a generated one: 24 to 200 visible characters')

/** What the dashboard of older versions sends besides. Only the neutral values are accepted. */
const olderSettings = {
  history: z.int().min(0).default(0).describe('Only 0: messages are read from MAX'),
  expiration: z.int().min(0).default(0).describe('Only 0: tenants do not expire'),
  proxyConfig: z
    .strictObject({ enabled: z.boolean().default(false), proxyURL: z.string().default('') })
    .optional()
    .describe('Only off: there are no proxies'),
}

const s3Config = tenantStorageInput
  .optional()
  .describe('Storage of received media, as `POST /session/s3/config` has it')

const id = z.string().min(1).max(64).describe('Id of the tenant')

export const adminOperations = {
  getHealth: operation({
    method: 'GET',
    path: '/health',
    scope: 'public',
    summary: 'Whether the gateway works',
    description:
      '503 when the database does not answer. `connected_users`, `rabbitmq_ok`, `goroutines` and ' +
      '`mem_alloc_mb` are here for monitors of older versions: the first counts the tenants that are ' +
      'meant to be online, the others are always false and 0; what reaches a broker is in the `delivery` ' +
      "of each tenant's status.",
    input: z.object({}),
    output: z.looseObject({
      status: z.enum(['ok', 'degraded']),
      version: z.string(),
      uptimeSeconds: z.number(),
      uptime_seconds: z.number(),
      dbOk: z.boolean(),
      db_ok: z.boolean(),
      rabbitmq_ok: z.boolean(),
      connected_users: z.number(),
      goroutines: z.number(),
      mem_alloc_mb: z.number(),
      timestamp: z.number().describe('Unix seconds'),
    }),
    example: {
      input: {},
      output: {
        status: 'ok',
        version: '3.0.0',
        uptimeSeconds: 3600,
        uptime_seconds: 3600,
        dbOk: true,
        db_ok: true,
        rabbitmq_ok: false,
        connected_users: 12,
        goroutines: 0,
        mem_alloc_mb: 0,
        timestamp: 1790000000,
      },
    },
    errors: ['DEGRADED'],
  }),
  listUsers: operation({
    method: 'GET',
    path: '/admin/users',
    scope: 'admin',
    summary: 'All tenants with the live state of their sessions',
    description:
      'Oldest first. Without `limit` all of them; with it a page, and `nextCursor` while there are more.',
    input: z.object({
      limit: z.int().min(1).max(1000).optional().describe('Page size'),
      cursor: z
        .string()
        .regex(/^\d{1,16}\.[\w-]{1,64}$/, 'expected the nextCursor of the page before')
        .optional()
        .describe('`nextCursor` of the page before'),
    }),
    output: z.object({ data: z.array(TenantModel), nextCursor: z.string().optional() }),
    example: {
      input: { limit: 1 },
      output: {
        data: [exampleTenant],
        nextCursor: '1790000000000.79d8e64c-8d9c-4d26-bb4c-94cd7c0f08b1',
      },
    },
  }),
  createUser: operation({
    method: 'POST',
    path: '/admin/users',
    scope: 'admin',
    creates: true,
    summary: 'Create a tenant; its API token is shown in this answer only',
    description:
      'All fields are optional. A new tenant has no MAX account yet: log it in with `GET /session/qr`. ' +
      'With `sandbox` it talks to the built-in MAX simulator for good.',
    input: z.object({
      name: z.string().trim().max(200).default('').describe('Up to 200 characters'),
      webhook: webhookUrl.default(''),
      events: eventListInput.default(['All']).describe('Which events to deliver'),
      sandbox: z.boolean().default(false).describe('Talk to the built-in MAX simulator'),
      token: tokenInput,
      s3Config,
      ...olderSettings,
    }),
    output: z.object({ id: z.string(), token: z.string(), name: z.string() }),
    example: {
      input: { name: 'Shop', webhook: 'https://example.com/hook', events: ['Message'] },
      output: {
        id: exampleTenant.id,
        token: 'mx_EXAMPLEexampleEXAMPLEexampleEXAMPLEexampleE',
        name: 'Shop',
      },
    },
    errors: ['CONFLICT', 'FORBIDDEN', 'NOT_SUPPORTED'],
  }),
  getUser: operation({
    method: 'GET',
    path: '/admin/users/:id',
    scope: 'admin',
    summary: 'One tenant',
    description:
      'Under `data` as the list has it, and flat beside it under the names of the newest generation of ' +
      'the original. `connected` is live in both.',
    input: z.object({ id }),
    output: z.looseObject({ data: TenantModel, ...flatTenant }),
    example: { input: { id: exampleTenant.id }, output: exampleDetail },
    errors: ['NOT_FOUND'],
  }),
  updateUser: operation({
    method: 'PUT',
    path: '/admin/users/:id',
    scope: 'admin',
    summary: 'Change a tenant; fields that are left out stay as they are',
    description: 'Acts at once, also on a session that is online. `webhook: ""` delivers nowhere.',
    input: z.object({
      id,
      name: z.string().trim().max(200).optional().describe('Up to 200 characters'),
      webhook: webhookUrl.optional(),
      events: eventListInput.optional().describe('Which events to deliver'),
      s3Config,
    }),
    output: z.object({ message: z.string() }),
    example: {
      input: { id: exampleTenant.id, name: 'Shop 2' },
      output: { message: 'User updated' },
    },
    errors: ['NOT_FOUND', 'FORBIDDEN'],
  }),
  rotateToken: operation({
    method: 'POST',
    path: '/admin/users/:id/token',
    scope: 'admin',
    summary: 'Give a tenant a new API token; the old one ends at once',
    description:
      'The new token is shown in this answer only. The session, its MAX account and its webhook go on. ' +
      'After an error repeat the call: the old token may be dead already.',
    input: z.object({ id, token: tokenInput }),
    output: z.object({ id: z.string(), token: z.string(), message: z.string() }),
    example: {
      input: { id: exampleTenant.id },
      output: {
        id: exampleTenant.id,
        token: 'mx_EXAMPLEexampleEXAMPLEexampleEXAMPLEexampleE',
        message: 'Token replaced',
      },
    },
    errors: ['NOT_FOUND', 'CONFLICT'],
  }),
  deleteUser: operation({
    method: 'DELETE',
    path: '/admin/users/:id',
    scope: 'admin',
    summary: 'Log the tenant out of MAX and forget it',
    description:
      'Ends the session, the deliveries and the API token at once. What it kept is deleted: of the ' +
      'bucket everything, archived events included; of an S3 of its own what was stored there for it. ' +
      'Many objects, or a storage that does not answer, take longer than this call.',
    input: z.object({ id }),
    output: z.object({ message: z.string() }),
    example: { input: { id: exampleTenant.id }, output: { message: 'User deleted' } },
    errors: ['NOT_FOUND'],
  }),
}
