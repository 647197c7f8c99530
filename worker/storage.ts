import { systemClock } from '../connector/clock.ts'
import { r2Store } from '../connector/storage/r2-store.ts'
import {
  openS3,
  type TenantStorageDeps,
  tenantFolder,
  testStore,
} from '../connector/storage/tenant-storage.ts'
import { GatewayError } from '../schema/errors.ts'
import type { Input } from '../schema/operations/index.ts'
import type { TenantStorage } from '../schema/storage-settings.ts'
import type { TenantRow } from '../schema/tables.ts'
import { type Gateway, tenantPolicy } from './gateway.ts'
import { unwrap } from './result.ts'
import { configOf } from './tenants.ts'

/** Runs at the edge: content and the session's socket to MAX do not go through one object. */
export const testStorage = async (
  gateway: Gateway,
  _input: Input<'testStorage'>,
  tenant: TenantRow,
): Promise<object> => {
  const session = gateway.sessions.getByName(tenant.id)
  unwrap(await session.configure(configOf(tenant)))
  const saved = await session.storage()
  if (saved.keys === '' || saved.endpoint === '' || saved.bucket === '') {
    throw new GatewayError('CONFLICT', 'No S3 is saved: POST /session/s3/config first')
  }
  const storage: TenantStorage = { ...saved, enabled: true }
  const store = await openS3(storage, storageDeps(gateway, tenant))
  const times = await testStore(store, tenantFolder(tenant.id, storage), gateway.now)
  return { message: 'The storage works', ...times }
}

/** What a tenant's storage is opened with. */
export const storageDeps = (
  gateway: Gateway,
  { sandbox }: Pick<TenantRow, 'sandbox'>,
): TenantStorageDeps => {
  const outbound = gateway.outbound(tenantPolicy(gateway, sandbox))
  return {
    vault: gateway.vault,
    clock: systemClock,
    bucket: r2Store(gateway.media),
    fetch: (url, init) => outbound.fetch(url, init),
  }
}
