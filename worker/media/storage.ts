import type { ObjectStore, StoredBody } from '../../connector/storage/object-store.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import {
  openTenantStore,
  storageFailed,
  tenantFolder,
} from '../../connector/storage/tenant-storage.ts'
import { GatewayError } from '../../schema/errors.ts'
import type { TenantStorage } from '../../schema/storage-settings.ts'
import { unwrap } from '../result.ts'
import { storageDeps } from '../storage.ts'
import type { MediaCall } from './call.ts'
import { flowOf } from './flow.ts'
import type { Source } from './source.ts'

/**
 * An object of the tenant's as content to send.
 * @throws {GatewayError} NOT_FOUND for a key that is not the tenant's or leads to nothing,
 *   STORAGE_FAILED
 */
export const sourceOfStorage = (call: MediaCall, key: string, name: string | undefined): Source => {
  const open: Source['open'] = async () => {
    const storage = unwrap(await call.step('media.storage', {})) as TenantStorage
    const object = await find(call, storage, key).catch((error: unknown) => {
      throw storageFailed(error)
    })
    if (object === undefined) {
      throw new GatewayError('NOT_FOUND', 'there is no such object', { field: 'storageKey' })
    }
    return {
      flow: flowOf(object.body),
      sizeBytes: object.size,
      name: name ?? object.fileName ?? key.split('/').at(-1),
    }
  }
  return { again: true, open, release: async () => {} }
}

/** In the tenant's own S3 first, if it is used; what was stored before that is still in the bucket. */
const find = async (
  { gateway, tenant }: MediaCall,
  storage: TenantStorage,
  key: string,
): Promise<StoredBody | undefined> => {
  const within = (folder: string, store: ObjectStore): Promise<StoredBody | undefined> =>
    key.startsWith(folder) ? store.get(key) : Promise.resolve(undefined)
  if (storage.enabled) {
    // A bucket of the operator may be shared by many tenants; in its own one everything is its own.
    const folder = storage.givenBy === 'operator' ? tenantFolder(tenant.id, storage) : ''
    const found = await within(folder, await openTenantStore(storage, storageDeps(gateway, tenant)))
    if (found !== undefined) return found
  }
  return within(tenantFolder(tenant.id), r2Store(gateway.media))
}
