import type { EdgeOperationName, Input } from '../schema/operations/index.ts'
import type { TenantRow } from '../schema/tables.ts'
import { createUser, deleteUser, getUser, listUsers, rotateToken, updateUser } from './admin.ts'
import type { Gateway } from './gateway.ts'
import { type Degraded, getHealth } from './health.ts'
import type { OpenFacts, Replayed } from './replayed.ts'
import { approveSandboxQr, getSandbox, sendSandboxIncoming, setSandboxFault } from './sandbox.ts'
import { testStorage } from './storage.ts'
import { deleteWebhook, getWebhook, setWebhook } from './webhook.ts'

/**
 * The operations that the edge serves itself. The types keep these two tables complete: a row
 * without `run` and without a handler does not compile.
 */
export const tenantHandlers = {
  getWebhook,
  setWebhook,
  updateWebhook: setWebhook,
  deleteWebhook,
  getSandbox,
  approveSandboxQr,
  sendSandboxIncoming,
  setSandboxFault,
  testStorage,
} satisfies {
  [Name in EdgeOperationName]?: (
    gateway: Gateway,
    input: Input<Name>,
    tenant: TenantRow,
  ) => Promise<object>
}

export const openHandlers = {
  getHealth,
  listUsers,
  createUser,
  getUser,
  updateUser,
  rotateToken,
  deleteUser,
} satisfies {
  [Name in Exclude<EdgeOperationName, keyof typeof tenantHandlers>]: (
    gateway: Gateway,
    input: Input<Name>,
    facts: OpenFacts,
  ) => Promise<object | Degraded | Replayed>
}
