import { GatewayError } from '../schema/errors.ts'
import type { Input } from '../schema/operations/index.ts'
import { refuseOutbound } from '../schema/outbound.ts'
import type { TenantRow } from '../schema/tables.ts'
import { type Gateway, tenantPolicy } from './gateway.ts'
import { unwrap } from './result.ts'
import { configOf, type TenantPatch, updateTenant } from './tenants.ts'

export const getWebhook = async (
  gateway: Gateway,
  _input: Input<'getWebhook'>,
  tenant: TenantRow,
): Promise<object> => ({
  webhook: tenant.webhook,
  events: tenant.events,
  secret: await configure(gateway, tenant),
})

/** A body without any known field is refused: the original took it for "deliver nowhere". */
export const setWebhook = async (
  gateway: Gateway,
  input: Input<'setWebhook'>,
  tenant: TenantRow,
): Promise<object> => {
  const webhook = input.webhook ?? input.webhookURL
  if (webhook === undefined && input.events === undefined) {
    throw new GatewayError('INVALID_INPUT', 'webhook, webhookURL or events is required', {
      field: 'webhook',
    })
  }
  refusePrivate(gateway, webhook, tenant.sandbox)
  const row = await change(gateway, tenant, { webhook, events: input.events })
  return { webhook: row.webhook, events: row.events, secret: await configure(gateway, row, true) }
}

export const deleteWebhook = async (
  gateway: Gateway,
  _input: Input<'deleteWebhook'>,
  tenant: TenantRow,
): Promise<object> => {
  await configure(gateway, await change(gateway, tenant, { webhook: '' }))
  return { message: 'Webhook deleted' }
}

const change = async (gateway: Gateway, tenant: TenantRow, patch: TenantPatch) => {
  const row = await updateTenant(gateway.db(), tenant.id, patch, gateway.now())
  if (row === undefined) throw new GatewayError('UNAUTHORIZED')
  return row
}

/** Tells the session its settings and learns the secret that signs its deliveries. */
const configure = async (gateway: Gateway, row: TenantRow, reenable = false): Promise<string> => {
  const session = gateway.sessions.getByName(row.id)
  return unwrap(await session.configure(configOf(row), { reenable })).webhookSecret
}

/**
 * Refuses a webhook that deliveries would refuse, while somebody is there to read why.
 * @throws {GatewayError} FORBIDDEN
 */
export const refusePrivate = (
  gateway: Gateway,
  webhook: string | undefined,
  sandbox: boolean,
): void => {
  if (!webhook) return
  const refusal = refuseOutbound(webhook, tenantPolicy(gateway, sandbox))
  if (refusal !== undefined) {
    throw new GatewayError('FORBIDDEN', `webhook: ${refusal}`, { field: 'webhook' })
  }
}
