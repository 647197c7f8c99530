import type { Clock } from '../../connector/clock.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { openTenantStore, type TenantStorageDeps } from '../../connector/storage/tenant-storage.ts'
import type { MediaServer } from '../../sandbox/media/server.ts'
import { GatewayError, toErrorData } from '../../schema/errors.ts'
import type { CourierRpc } from '../../schema/received-file.ts'
import { ByteBudget } from '../../worker/media/budget.ts'
import { carry } from '../../worker/media/carry.ts'
import type { MaxFetch } from '../../worker/media/max-http.ts'

/** The way to a simulator's media servers, as the browser that it makes its links for. */
export const simFetch =
  (media: MediaServer): MaxFetch =>
  (url, init) => {
    const headers = { ...Object.fromEntries(new Headers(init.headers)), 'user-agent': 'Chrome/1' }
    return media.serve(new Request(url, { ...init, headers }))
  }

/** The courier without workerd: the same parts as `Courier`, in this process. */
export const nodeCourier = (
  deps: Omit<TenantStorageDeps, 'bucket'> & { bucket: R2Bucket; clock: Clock; fetchMax: MaxFetch },
): CourierRpc => ({
  carry: async (order, placeOf, isWanted) => {
    const parts = {
      bucket: deps.bucket,
      budget: new ByteBudget(48 * 1024 * 1024),
      fetch: deps.fetchMax,
      open: (storage: Parameters<typeof openTenantStore>[0]) =>
        openTenantStore(storage, { ...deps, bucket: r2Store(deps.bucket) }),
      now: () => deps.clock.now(),
    }
    try {
      return { ok: true, data: await carry(parts, order, { placeOf, isWanted }) }
    } catch (error) {
      if (!(error instanceof GatewayError)) console.error(error)
      return { ok: false, error: structuredClone(toErrorData(error)) }
    }
  },
})
