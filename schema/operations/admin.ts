import { z } from 'zod'
import { eventListInput } from '../events.ts'
import { operation } from './define.ts'
import { webhookInput } from './webhook.ts'

const webhookUrl = webhookInput.describe('Where events go; "" for nowhere')

export const TenantModel = z
  .object({
    id: z.string(),
    name: z.string(),
    tokenPreview: z.string().describe('First characters of the API token; the rest is not kept'),
    webhook: z.string(),
    events: z.string().describe('Comma-separated event names'),
    sandbox: z.boolean(),
    maxUserId: z.number().nullable(),
    connected: z.union([z.literal(0), z.literal(1)]).describe('1 while the session is online'),
    authenticated: z.boolean(),
    state: z.string(),
    createdAt: z.string(),
  })
  .meta({ id: 'Tenant' })

const id = z.string().min(1).max(64)

export const adminOperations = {
  getHealth: operation({
    method: 'GET',
    path: '/health',
    scope: 'public',
    summary: 'Whether the gateway works',
    input: z.object({}),
    output: z.looseObject({ status: z.string() }),
    errors: ['DEGRADED'],
  }),
  listUsers: operation({
    method: 'GET',
    path: '/admin/users',
    scope: 'admin',
    summary: 'All tenants with the live state of their sessions',
    input: z.object({}),
    output: z.object({ data: z.array(TenantModel) }),
  }),
  createUser: operation({
    method: 'POST',
    path: '/admin/users',
    scope: 'admin',
    summary: 'Create a tenant; its API token is shown in this answer only',
    input: z.object({
      name: z.string().trim().max(200).default(''),
      webhook: webhookUrl.default(''),
      events: eventListInput.default(['All']),
      sandbox: z.boolean().default(false).describe('Talk to the built-in MAX simulator'),
      token: z
        .string()
        .min(24, 'a chosen token needs at least 24 characters')
        .max(200)
        .regex(/^[\x21-\x7e]+$/, 'printable ASCII without blanks')
        .optional()
        .describe('Your own API token instead of a generated one'),
    }),
    output: z.object({ id: z.string(), token: z.string(), name: z.string() }),
    errors: ['CONFLICT', 'FORBIDDEN'],
  }),
  getUser: operation({
    method: 'GET',
    path: '/admin/users/:id',
    scope: 'admin',
    summary: 'One tenant',
    input: z.object({ id }),
    output: z.looseObject({ data: TenantModel }),
    errors: ['NOT_FOUND'],
  }),
  updateUser: operation({
    method: 'PUT',
    path: '/admin/users/:id',
    scope: 'admin',
    summary: 'Change a tenant; fields that are left out stay as they are',
    input: z.object({
      id,
      name: z.string().trim().max(200).optional(),
      webhook: webhookUrl.optional(),
      events: eventListInput.optional(),
    }),
    output: z.object({ message: z.string() }),
    errors: ['NOT_FOUND', 'FORBIDDEN'],
  }),
  deleteUser: operation({
    method: 'DELETE',
    path: '/admin/users/:id',
    scope: 'admin',
    summary: 'Log the tenant out of MAX and forget it',
    input: z.object({ id }),
    output: z.object({ message: z.string() }),
    errors: ['NOT_FOUND'],
  }),
}
