import { WorkerEntrypoint } from 'cloudflare:workers'
import { openTenantStore } from '../connector/storage/tenant-storage.ts'
import { GatewayError, type Result, toErrorData } from '../schema/errors.ts'
import type {
  Carried,
  CarryOrder,
  CourierRpc,
  FileFacts,
  FilePlace,
} from '../schema/received-file.ts'
import type { TenantStorage } from '../schema/storage-settings.ts'
import type { Env } from './env.ts'
import { openGateway } from './gateway.ts'
import { carry } from './media/carry.ts'
import { maxHttpOf } from './media/max-http.ts'
import { budget } from './media/take.ts'
import { storageDeps } from './storage.ts'

/** Carries received files for the sessions, each errand in an invocation of its own. */
export class Courier extends WorkerEntrypoint<Env> implements CourierRpc {
  async carry(
    order: CarryOrder,
    placeOf: (facts: FileFacts) => Promise<FilePlace>,
    isWanted: () => Promise<boolean>,
  ): Promise<Result<Carried>> {
    const gateway = openGateway(this.env)
    const tenant = { id: order.tenantId, sandbox: order.sandbox }
    const deps = {
      bucket: gateway.media,
      budget,
      fetch: maxHttpOf(gateway, tenant).fetch,
      open: (storage: TenantStorage) => openTenantStore(storage, storageDeps(gateway, tenant)),
      now: gateway.now,
    }
    try {
      return { ok: true, data: await carry(deps, order, { placeOf, isWanted }) }
    } catch (error) {
      if (!(error instanceof GatewayError)) {
        gateway.log('error', 'a received file could not be carried', { error: String(error) })
      }
      return { ok: false, error: toErrorData(error) }
    }
  }
}
