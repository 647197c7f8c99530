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

export const webhookOperations = {
  getWebhook: operation({
    method: 'GET',
    path: '/webhook',
    scope: 'tenant',
    summary: 'The webhook, its events and the secret that signs its requests',
    input: z.object({}),
    output,
  }),
  setWebhook: operation({
    method: 'POST',
    path: '/webhook',
    scope: 'tenant',
    summary: 'Set the webhook',
    input,
    output,
    errors: ['FORBIDDEN'],
  }),
  updateWebhook: operation({
    method: 'PUT',
    path: '/webhook',
    scope: 'tenant',
    summary: 'Set the webhook (same as POST)',
    input,
    output,
    errors: ['FORBIDDEN'],
  }),
  deleteWebhook: operation({
    method: 'DELETE',
    path: '/webhook',
    scope: 'tenant',
    summary: 'Deliver nowhere',
    input: z.object({}),
    output: z.object({ message: z.string() }),
  }),
}
