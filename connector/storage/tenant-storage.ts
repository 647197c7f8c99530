import { GatewayError } from '../../schema/errors.ts'
import type { TenantStorage } from '../../schema/storage-settings.ts'
import type { Clock } from '../clock.ts'
import { type Fetch, OutboundError } from '../outbound-fetch.ts'
import type { Vault } from '../vault.ts'
import { type ObjectStore, StorageError } from './object-store.ts'
import { s3Store } from './s3-store.ts'
import { KEYS_PURPOSE } from './settings.ts'

export interface TenantStorageDeps {
  vault: Vault
  clock: Clock
  /** The deployment's bucket. */
  bucket: ObjectStore
  /** Reaches what the tenant's URLs may reach; the guard stands in it. */
  fetch: Fetch
}

/** Stands for the deployment's bucket among the names of stores. */
export const OWN_BUCKET = 'gateway'

/** Names the place that objects are in: what lies elsewhere is not looked for here. */
export const storeName = (storage: TenantStorage): string =>
  storage.enabled ? s3Name(storage) : OWN_BUCKET

/** The name of the tenant's own S3, whether or not it is in use. */
const s3Name = ({ endpoint, bucket }: TenantStorage): string =>
  endpoint === '' ? '' : `${new URL(endpoint).host}/${bucket}`

/** Where everything of a tenant lies in a bucket. */
export const tenantFolder = (tenantId: string, storage?: TenantStorage): string => {
  const prefix = storage?.enabled && storage.prefix !== '' ? `${storage.prefix}/` : ''
  return `${prefix}users/${tenantId}/`
}

/** Opens the place where a tenant's media go. @throws {Error} when the keys cannot be opened */
export const openTenantStore = async (
  storage: TenantStorage,
  deps: TenantStorageDeps,
): Promise<ObjectStore> => (storage.enabled ? openS3(storage, deps) : deps.bucket)

/** Opens the tenant's own S3, whether or not it is in use. */
export const openS3 = async (
  { endpoint, region, bucket, pathStyle, keys }: TenantStorage,
  { vault, clock, fetch }: TenantStorageDeps,
): Promise<ObjectStore> => {
  const access = JSON.parse(await vault.open(keys, KEYS_PURPOSE)) as {
    accessKey: string
    secretKey: string
  }
  return s3Store({
    settings: { endpoint, region, bucket, pathStyle, ...access },
    clock,
    fetch: async (url, init) => {
      try {
        return await fetch(url, init)
      } catch (error) {
        if (!(error instanceof OutboundError) || error.fault !== 'refused') throw error
        throw new StorageError('EndpointRefused', error.message)
      }
    },
  })
}

/**
 * Opens the store of a name; `undefined` when nobody knows its keys any more.
 * @throws {Error} when the keys cannot be opened
 */
export const openNamedStore = async (
  name: string,
  storage: TenantStorage,
  deps: TenantStorageDeps,
): Promise<ObjectStore | undefined> => {
  if (name === OWN_BUCKET) return deps.bucket
  return name === s3Name(storage) && storage.keys !== '' ? openS3(storage, deps) : undefined
}

/** What a caller hears of a store's refusal: its own code and words. */
export const storageFailed = (error: unknown, step?: string): GatewayError => {
  if (!(error instanceof StorageError)) {
    return new GatewayError('STORAGE_FAILED', undefined, { cause: error })
  }
  const { code, status, message } = error
  const text = `${step === undefined ? '' : `${step}: `}${code}: ${message}`
  return new GatewayError('STORAGE_FAILED', text, {
    cause: error,
    details: {
      ...(step === undefined ? {} : { step }),
      storageCode: code,
      ...(status === undefined ? {} : { status }),
    },
  })
}

export interface StorageTest {
  /** Milliseconds of each step. */
  writeMs: number
  readMs: number
  deleteMs: number
}

/**
 * Writes a small object, reads it back and deletes it.
 * @throws {GatewayError} STORAGE_FAILED that names the step, with the store's own code
 */
export const testStore = async (
  store: ObjectStore,
  folder: string,
  now: () => number,
): Promise<StorageTest> => {
  const key = `${folder}test-${crypto.randomUUID()}.txt`
  const content = new TextEncoder().encode(`MaxAPI storage test ${crypto.randomUUID()}`)
  const timed = async (step: string, work: () => Promise<void>): Promise<number> => {
    const start = now()
    await work().catch((error: unknown) => {
      throw storageFailed(error, step)
    })
    return now() - start
  }
  const writeMs = await timed('write', () => store.put(key, content, { contentType: 'text/plain' }))
  const readMs = await timed('read', async () => {
    const object = await store.get(key)
    const bytes = new Uint8Array(await new Response(object?.body ?? null).arrayBuffer())
    if (object === undefined) throw new StorageError('NoSuchKey', 'what was written is not there')
    if (!isSame(bytes, content)) {
      throw new StorageError('WrongContent', 'what was read is not what was written')
    }
  }).catch(async (error: unknown) => {
    await store.delete([key]).catch(() => {})
    throw error
  })
  const deleteMs = await timed('delete', async () => {
    await store.delete([key])
    if ((await store.head(key)) !== undefined) {
      throw new StorageError('StillThere', 'what was deleted is still there')
    }
  })
  return { writeMs, readMs, deleteMs }
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at])
