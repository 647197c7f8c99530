import { GatewayError } from '../schema/errors.ts'
import type { Input } from '../schema/operations/index.ts'
import type { SandboxRpc } from '../schema/sandbox-port.ts'
import type { TenantRow } from '../schema/tables.ts'
import type { Gateway } from './gateway.ts'
import { unwrap } from './result.ts'

export const getSandbox = async (
  gateway: Gateway,
  _input: Input<'getSandbox'>,
  tenant: TenantRow,
): Promise<object> => unwrap(await sandboxOf(gateway, tenant).info())

export const approveSandboxQr = async (
  gateway: Gateway,
  input: Input<'approveSandboxQr'>,
  tenant: TenantRow,
): Promise<object> => {
  unwrap(await sandboxOf(gateway, tenant).approveQr(input.qrLink))
  return { message: 'QR login approved' }
}

export const sendSandboxIncoming = async (
  gateway: Gateway,
  input: Input<'sendSandboxIncoming'>,
  tenant: TenantRow,
): Promise<object> => unwrap(await sandboxOf(gateway, tenant).incoming(input))

export const setSandboxFault = async (
  gateway: Gateway,
  input: Input<'setSandboxFault'>,
  tenant: TenantRow,
): Promise<object> => {
  unwrap(await sandboxOf(gateway, tenant).fault(input))
  return { message: 'Fault is armed' }
}

const sandboxOf = (gateway: Gateway, tenant: TenantRow): SandboxRpc => {
  if (!tenant.sandbox) throw new GatewayError('NOT_FOUND', 'This is not a sandbox tenant')
  return gateway.sandboxes.getByName(tenant.id)
}
