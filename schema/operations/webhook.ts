import { z } from 'zod'
import { eventListInput } from '../events.ts'
import { operation } from './define.ts'

/** A webhook address, or `''` for none. */
export const webhookInput = z.union([
  z.literal(''),
  z.url({ protocol: /^https?$/, error: 'expected an http(s) URL or ""' }).max(2048),
])
/** The original's field is `webhook`; its own pages sent `webhookurl`, which silently cleared it. */
const input = z.object({
  webhook: webhookInput.optional(),
  webhookURL: webhookInput.optional().describe('Same as `webhook`'),
  events: eventListInput.optional(),
})
const output = z.object({
  webhook: z.string(),
  events: z.array(z.string()),
  secret: z.string().optional().describe('Signing secret (`whsec_…`)'),
})

const exampleWebhook = {
  webhook: 'https://example.com/hook',
  events: ['Message', 'ReadReceipt'],
  secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
}

export const webhookOperations = {
  getWebhook: operation({
    method: 'GET',
    path: '/webhook',
    scope: 'tenant',
    summary: 'The webhook, its events and the secret that signs its requests',
    description:
      '`secret` signs every delivery after Standard Webhooks. It belongs to the tenant and ' +
      'stays the same when the webhook changes.',
    example: { input: {}, output: exampleWebhook },
    input: z.object({}),
    output,
  }),
  setWebhook: operation({
    method: 'POST',
    path: '/webhook',
    scope: 'tenant',
    summary: 'Set the webhook',
    description:
      '`webhook` and `webhookURL` mean the same; `""` is nowhere. Fields that are left out stay ' +
      'as they are, and a body with none of the three is refused. Acts at once. A webhook that ' +
      'had answered 410 gets another chance.',
    example: {
      input: { webhook: 'https://example.com/hook', events: ['Message', 'ReadReceipt'] },
      output: exampleWebhook,
    },
    input,
    output,
    errors: ['FORBIDDEN'],
  }),
  updateWebhook: operation({
    method: 'PUT',
    path: '/webhook',
    scope: 'tenant',
    summary: 'Set the webhook (same as POST)',
    description: 'The same in every respect; both methods exist because clients of both kinds do.',
    example: { input: { webhook: 'https://example.com/hook' }, output: exampleWebhook },
    input,
    output,
    errors: ['FORBIDDEN'],
  }),
  deleteWebhook: operation({
    method: 'DELETE',
    path: '/webhook',
    scope: 'tenant',
    summary: 'Deliver nowhere',
    description: "Events are still kept in the tenant's log for as long as it reaches back.",
    example: { input: {}, output: { message: 'Webhook deleted' } },
    input: z.object({}),
    output: z.object({ message: z.string() }),
  }),
}
