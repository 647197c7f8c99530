import { defaultStorage, type TenantStorage } from '../../schema/storage-settings.ts'
import type { Clock, Log } from '../clock.ts'
import type { Outbound } from '../outbound-fetch.ts'
import type { Store } from '../store.ts'
import type { Vault } from '../vault.ts'
import { deleteSome, deletionDelay, reasonOf } from './deletion.ts'
import { ObjectRows } from './object-rows.ts'
import type { ObjectStore } from './object-store.ts'
import { OWN_BUCKET, openNamedStore, tenantFolder } from './tenant-storage.ts'

/** How long the objects of a deleted tenant are tried in an S3 of its own. */
const GIVE_UP_MS = 7 * 86_400_000
const PAGE = 1_000

/** What is kept of a deleted tenant until its objects are gone: no names, no tokens, no messages. */
export interface RemovalState {
  tenantId: string
  sandbox: boolean
  /** For the keys of its own S3, which stay sealed. */
  storage: TenantStorage
  /** Unix ms. */
  since: number
  failures: number
}

export interface RemovalDeps {
  store: Store
  vault: Vault
  clock: Clock
  log: Log
  bucket: ObjectStore
  /** The way to URLs of a tenant. */
  outbound(sandbox: boolean): Outbound
}

/**
 * The end of a tenant: everything that the object knows is forgotten at once, its objects in buckets
 * go in steps, over failures and restarts. Rules MO in SPEC.md.
 */
export class Removal {
  readonly #deps: RemovalDeps
  readonly #rows: ObjectRows

  constructor(deps: RemovalDeps) {
    this.#deps = deps
    this.#rows = new ObjectRows(deps.store.sql)
  }

  get isPending(): boolean {
    return this.#deps.store.get('removal') !== undefined
  }

  /** Forgets the tenant, all but where its objects are. */
  begin(): void {
    const { store, clock } = this.#deps
    const config = store.get('config')
    if (config === undefined) return
    const storage = { ...defaultStorage, ...store.get('storage') }
    store.empty(['migrations', 'stored_objects'])
    // The deployment's bucket is looked through by its folders.
    this.#rows.forgetStore(OWN_BUCKET)
    const { id: tenantId, sandbox } = config
    store.set('removal', { tenantId, sandbox, storage, since: clock.now(), failures: 0 })
  }

  /**
   * Deletes some objects. Never rejects.
   * @returns when to go on, Unix ms; `undefined` when nothing is left
   */
  async step(): Promise<number | undefined> {
    const { store, clock, log } = this.#deps
    const state = store.get('removal')
    if (state === undefined) return undefined
    try {
      const isDone = await this.#deleteSome(state)
      if (state.failures > 0) store.set('removal', { ...state, failures: 0 })
      return isDone ? undefined : clock.now()
    } catch (error) {
      const failures = state.failures + 1
      log('warn', 'objects of a deleted tenant could not be deleted yet', {
        tenant: state.tenantId,
        failures,
        reason: reasonOf(error),
      })
      store.set('removal', { ...state, failures })
      return clock.now() + deletionDelay(failures)
    }
  }

  /** @returns whether all of them are gone */
  async #deleteSome(state: RemovalState): Promise<boolean> {
    const own = this.#deps.bucket
    for (const folder of [tenantFolder(state.tenantId), `events/${state.tenantId}/`]) {
      const { objects, cursor } = await own.list(folder)
      if (objects.length > 0) await own.delete(objects.map(({ key }) => key))
      if (cursor !== undefined) return false
    }
    const failures: unknown[] = []
    for (const name of this.#rows.stores()) {
      await this.#deleteIn(name, state).catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
    return this.#rows.stores().length === 0
  }

  async #deleteIn(name: string, state: RemovalState): Promise<void> {
    const { vault, clock, bucket } = this.#deps
    const outbound = this.#deps.outbound(state.sandbox)
    try {
      const store = await openNamedStore(name, state.storage, {
        vault,
        clock,
        bucket,
        fetch: (url, init) => outbound.fetch(url, init),
      })
      if (store === undefined) return this.#leave(name, state, 'its keys are gone')
      const { gone, failure } = await deleteSome(name, store, this.#rows.inStore(name, PAGE))
      this.#rows.forget(gone)
      if (failure !== undefined) throw failure.error
    } catch (error) {
      if (clock.now() - state.since < GIVE_UP_MS) throw error
      this.#leave(name, state, reasonOf(error))
    }
  }

  #leave(name: string, { tenantId }: RemovalState, reason: string): void {
    const objects = this.#rows.forgetStore(name)
    const facts = { tenant: tenantId, objects, reason }
    this.#deps.log('error', "objects of a deleted tenant stay in the tenant's own S3", facts)
  }
}
