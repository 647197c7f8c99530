import { migrate } from '../../connector/migrations.ts'
import { Outbound } from '../../connector/outbound-fetch.ts'
import type { MediaObject } from '../../connector/storage/media-key.ts'
import { MediaObjects, type StoredMedia } from '../../connector/storage/media-objects.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { Removal } from '../../connector/storage/removal.ts'
import { StorageSettings } from '../../connector/storage/settings.ts'
import { openTenantStore, type TenantStorageDeps } from '../../connector/storage/tenant-storage.ts'
import { Store } from '../../connector/store.ts'
import { createVault } from '../../connector/vault.ts'
import { FakeClock } from './fake-clock.ts'
import { tenant } from './live.ts'
import { MemoryBucket } from './memory-bucket.ts'
import { nodeSql } from './node-sql.ts'
import type { S3Server } from './s3-server.ts'

export const photo: MediaObject = {
  direction: 'inbox',
  chatId: '7',
  messageId: '115912345678901234',
  index: 0,
  kind: 'image',
  sentAt: Date.parse('2026-11-25T04:00:00Z'),
  contentType: 'image/jpeg',
}
export const PHOTO_KEY = 'users/tenant-1/inbox/7/2026/11/25/images/115912345678901234-0.jpg'

/** Stores an attachment as the courier does. */
export const keepMedia = async (
  media: MediaObjects,
  deps: TenantStorageDeps,
  object: MediaObject,
  bytes: Uint8Array,
): Promise<StoredMedia> => {
  const { contentType, fileName } = object
  const place = await media.begin(object)
  try {
    const store = await openTenantStore(place.storage, deps)
    const facts = { contentType, ...(fileName === undefined ? {} : { fileName }) }
    await store.put(place.key, bytes, facts)
  } catch (error) {
    media.fail(place)
    throw error
  }
  return media.finish(place, object, bytes.length)
}

/** What a tenant has stored, over a bucket in memory and a clock that stands still. */
export const createMedia = (publicUrl = '') => {
  // An S3 looks at its own clock.
  const clock = new FakeClock(Date.now())
  const vault = createVault('00'.repeat(32))
  const sql = nodeSql()
  migrate(sql)
  const bucket = new MemoryBucket()
  const logged: unknown[][] = []
  const policy = { allowPrivate: true }
  const outbound = new Outbound({ policy, clock, fetch: (url, init) => fetch(url, init) })
  const world = { waits: 0 }

  /** The parts over the same storage: the first ones, or what comes after a restart. */
  const boot = () => {
    const store = new Store(sql)
    const deps = {
      store,
      vault,
      clock,
      bucket: r2Store(bucket.r2),
      log: (...line: unknown[]) => logged.push(line),
    }
    const settings = new StorageSettings({
      store,
      vault,
      refusal: () => undefined,
      onRetention: () => media.redate(),
    })
    const media = new MediaObjects({
      ...deps,
      outbound,
      publicUrl,
      settings: () => settings.current,
      onWait: () => (world.waits += 1),
    })
    const removal = new Removal({ ...deps, outbound: () => outbound })
    return { store, settings, media, removal }
  }
  const first = boot()
  first.store.set('config', tenant)

  const keep = (object: MediaObject, bytes: Uint8Array): Promise<StoredMedia> => {
    const fetch: TenantStorageDeps['fetch'] = (url, init) => outbound.fetch(url, init)
    return keepMedia(
      first.media,
      { vault, clock, bucket: r2Store(bucket.r2), fetch },
      object,
      bytes,
    )
  }

  return { ...first, boot, keep, world, clock, sql, bucket, vault, logged }
}
export type MediaWorld = ReturnType<typeof createMedia>

/** Rings whenever something is due, for so long; what is under way comes to its end. */
export const passMedia = async ({ media, clock }: MediaWorld, ms: number): Promise<void> => {
  const end = clock.now() + ms
  do {
    const next = Math.max(clock.now(), Math.min(media.nextAt ?? end, end))
    await clock.advance(next - clock.now())
    await media.tick()
  } while (clock.now() < end)
}

export const s3Access = (s3: S3Server) => ({
  enabled: true,
  endpoint: s3.url,
  access_key: s3.accessKey,
  secret_key: s3.secretKey,
  bucket: s3.bucket,
  region: s3.region,
})
