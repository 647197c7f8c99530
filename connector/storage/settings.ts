import type { StoragePort } from '../../schema/session-port.ts'
import {
  changedStorage,
  defaultStorage,
  newKeys,
  type StorageChange,
  type StorageView,
  storageView,
  type TenantStorage,
} from '../../schema/storage-settings.ts'
import type { Store } from '../store.ts'
import { Turns } from '../turns.ts'
import type { Vault } from '../vault.ts'

/** Sealed keys open for this purpose only. */
export const KEYS_PURPOSE = 'storage-keys'

export interface StorageSettingsDeps {
  store: Store
  vault: Vault
  /** Why a URL that somebody gives may not be called. */
  refusal(url: string): string | undefined
  /** What is stored is kept for another time from now on. */
  onRetention(): void
}

/** Where a tenant's media are kept: kept itself in the tenant's object, its keys sealed. */
export class StorageSettings implements StoragePort {
  readonly #deps: StorageSettingsDeps
  /** Sealing takes a moment: two changes must not overwrite each other. */
  readonly #turns = new Turns()

  constructor(deps: StorageSettingsDeps) {
    this.#deps = deps
  }

  get current(): TenantStorage {
    return { ...defaultStorage, ...this.#deps.store.get('storage') }
  }

  view(): StorageView {
    return storageView(this.current)
  }

  save(change: StorageChange, by: TenantStorage['givenBy'] = 'tenant'): Promise<StorageView> {
    return this.#turns.run('storage', async () => {
      const { store, vault, refusal } = this.#deps
      const before = this.current
      const after = changedStorage(before, change, refusal)
      const keys = newKeys(change)
      const sealed = keys && {
        keys: await vault.seal(JSON.stringify(keys), KEYS_PURPOSE),
        givenBy: by,
      }
      store.set('storage', { ...after, ...sealed })
      return this.#changed(before)
    })
  }

  forget(): Promise<StorageView> {
    return this.#turns.run('storage', async () => {
      const before = this.current
      this.#deps.store.delete('storage')
      return this.#changed(before)
    })
  }

  #changed(before: TenantStorage): StorageView {
    if (this.current.retentionDays !== before.retentionDays) this.#deps.onRetention()
    return this.view()
  }
}
