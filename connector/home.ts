import { type HomeRpc, SECRET_HEADER, TENANT_HEADER } from '../schema/process-ports.ts'
import type { CourierRpc } from '../schema/received-file.ts'
import type { Fetch } from './outbound-fetch.ts'
import { type ObjectStore, requiredSize, StorageError } from './storage/object-store.ts'
import { r2Store } from './storage/r2-store.ts'

/** Bindings of the process that a session runs in. */
export interface HomeBindings {
  SANDBOX: DurableObjectNamespace
  EVENTS: Queue<string>
  MEDIA: R2Bucket
  /** Only in a session process of a self-hosted gateway, which has none of the others. */
  HOME?: HomeRpc
  MAXAPI_PROCESS_SECRET?: string
}

/** What sessions share: on Cloudflare bindings of their own, else those of the main process. */
export interface Home {
  bucket: ObjectStore
  courier: CourierRpc
  /** Puts an event into the deployment's queue. */
  enqueue(text: string): Promise<unknown>
  /** Reaches the simulator of a sandbox tenant. */
  sandbox(tenantId: string): Fetch
}

/** @param courier the one of this process */
export const homeOf = (env: HomeBindings, courier: () => CourierRpc): Home =>
  env.HOME ? remoteHome(env.HOME, env.MAXAPI_PROCESS_SECRET ?? '') : ownHome(env, courier)

const ownHome = (env: HomeBindings, courier: () => CourierRpc): Home => ({
  bucket: r2Store(env.MEDIA),
  courier: { carry: (...errand) => courier().carry(...errand) },
  enqueue: (text) => env.EVENTS.send(text, { contentType: 'text' }),
  sandbox: (tenantId) => (url, init) => env.SANDBOX.getByName(tenantId).fetch(url, init),
})

const remoteHome = (home: HomeRpc, secret: string): Home => ({
  bucket: {
    put: async (key, body, facts) => {
      // Refused over there, the stream would be lost on its way.
      requiredSize(body, facts)
      await explain(home.put(secret, key, body, facts))
    },
    get: (key, range) => explain(home.get(secret, key, range)),
    head: (key) => explain(home.head(secret, key)),
    delete: (keys) => explain(home.delete(secret, keys)),
    list: (prefix, cursor) => explain(home.list(secret, prefix, cursor)),
    link: async () => undefined,
  },
  courier: { carry: (...errand) => home.carry(secret, ...errand) },
  enqueue: (text) => home.enqueue(secret, text),
  sandbox: (tenantId) => (url, init) => {
    const headers = new Headers(init.headers)
    headers.set(SECRET_HEADER, secret)
    headers.set(TENANT_HEADER, tenantId)
    return home.fetch(url, { ...init, headers })
  },
})

/** Between processes an error keeps its words and loses its class. */
const explain = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (cause) {
    throw new StorageError('StorageFailed', 'the bucket did not answer', undefined, cause)
  }
}
