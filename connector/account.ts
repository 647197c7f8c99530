import type { IdValue } from '../schema/ids.ts'
import type { AccountPort } from '../schema/session-port.ts'
import {
  asIdString,
  asMap,
  asMaps,
  asNumber,
  asString,
  isWireMap,
  type WireMap,
  type WireValue,
} from '../schema/wire.ts'
import type { SyncMarkers } from './profile.ts'
import type { Store } from './store.ts'
import type { Vault } from './vault.ts'

const PURPOSE = 'max-token'

/** The MAX account behind a session: its token, its device, what LOGIN told of it. */
export class Account implements AccountPort {
  readonly #store: Store
  readonly #vault: Vault

  constructor(store: Store, vault: Vault) {
    this.#store = store
    this.#vault = vault
  }

  /** Whether a token is stored. MAX may have stopped accepting it. */
  get exists(): boolean {
    return this.#store.get('token') !== undefined
  }
  /** Own MAX user id; 0 before the first login. */
  get userId(): number {
    return this.#store.get('userId') ?? 0
  }
  /** What LOGIN may leave out, because we have it. */
  get markers(): SyncMarkers {
    const { time, configHash } = this.#store.get('markers') ?? { time: 0 }
    // Without the settings themselves their hash would only keep MAX from telling them.
    const isKnown = this.#store.get('settings') && this.#store.get('chatSettings')
    const hash = isKnown === undefined ? undefined : configHash
    return {
      time,
      ...(hash === undefined ? {} : { configHash: hash }),
      chats: this.#store.get('catchUp')?.since,
    }
  }
  profile(): WireMap | undefined {
    return this.#store.get('profile')
  }
  settings(): WireMap {
    return this.#store.get('settings') ?? {}
  }
  chatSettings(): WireMap {
    return this.#store.get('chatSettings') ?? {}
  }
  contacts(): WireMap[] {
    return this.#store.contacts()
  }

  /** Identifies the installation in MAX's session list: made once and kept (wire-and-auth.md §5.1). */
  get deviceId(): string {
    const known = this.#store.get('deviceId')
    if (known !== undefined) return known
    const made = crypto.randomUUID()
    this.#store.set('deviceId', made)
    return made
  }
  set deviceId(id: string) {
    this.#store.set('deviceId', id)
  }

  async token(): Promise<string> {
    return this.#vault.open(this.#store.get('token') ?? '', PURPOSE)
  }

  /**
   * Takes a new account over; everything known of another one is forgotten.
   * @param stillWanted throws if the login was called off while the token was sealed
   */
  async take(token: string, stillWanted: () => void): Promise<void> {
    const sealed = await this.#vault.seal(token, PURPOSE)
    stillWanted()
    this.#store.transaction(() => {
      this.forget()
      this.#store.set('token', sealed)
    })
  }

  /**
   * Keeps what LOGIN answered. MAX replaces an aged token with a new one, which is then the one to
   * keep (§6.5); entities that are missing are unchanged (§6.3).
   * @returns the token that is valid from now on
   */
  async keepLogin(reply: WireMap, used: string, stillWanted: () => void): Promise<string> {
    const token = asString(reply.token) ?? used
    const sealed = token === used ? undefined : await this.#vault.seal(token, PURPOSE)
    stillWanted()
    const userId = asNumber(asMap(asMap(reply.profile).contact).id)
    const configHash = asString(asMap(reply.config).hash) ?? this.markers.configHash
    this.#store.transaction(() => {
      if (sealed !== undefined) this.#store.set('token', sealed)
      if (userId !== undefined) this.#store.set('userId', userId)
      for (const contact of asMaps(reply.contacts)) this.keepContact(contact)
      this.keepProfile(asMap(reply.profile))
      this.keepConfig(reply.config)
      this.#store.set('markers', {
        time: asNumber(reply.time) ?? 0,
        ...(configHash === undefined ? {} : { configHash }),
      })
    })
    return token
  }

  /**
   * The newest token instead of the stored one. One that is taken out meanwhile stays out: an account
   * that was logged out must not come back.
   */
  async replaceToken(token: string): Promise<void> {
    const before = this.#store.get('token')
    const sealed = await this.#vault.seal(token, PURPOSE)
    if (before !== undefined && this.#store.get('token') === before) {
      this.#store.set('token', sealed)
    }
  }

  keepProfile(profile: WireMap): void {
    if (isWireMap(profile.contact)) this.#store.set('profile', { ...this.profile(), ...profile })
  }

  /** `config` of LOGIN or of its push: what it leaves out is unchanged (§6.3). */
  keepConfig(config: WireValue): void {
    const { user, chats, hash } = asMap(config)
    this.keepSettings(asMap(user), asString(hash))
    this.keepChatSettings(asMap(chats))
  }

  keepChatSettings(changed: WireMap): void {
    this.#store.set('chatSettings', { ...this.chatSettings(), ...changed })
  }

  keepSettings(changed: WireMap, hash?: string): void {
    this.#store.set('settings', { ...this.settings(), ...changed })
    const markers = this.#store.get('markers') ?? { time: 0 }
    if (hash !== undefined) this.#store.set('markers', { ...markers, configHash: hash })
  }

  /** A stranger that was blocked is told of like a contact and becomes none by it. */
  keepContact(contact: WireValue): void {
    if (!isWireMap(contact)) return
    const id = asIdString(contact.id)
    if (id === undefined) return
    if (contact.status === 'REMOVED') this.#store.deleteContact(id)
    else if (contact.status !== 'BLOCKED' || this.#store.hasContact(id)) {
      this.#store.saveContact(id, contact)
    }
  }

  isContact(userId: IdValue): boolean {
    return this.#store.hasContact(String(userId))
  }

  dropContact(userId: IdValue): void {
    this.#store.deleteContact(String(userId))
  }

  /** The token is dead; who the account is stays known. */
  dropToken(): void {
    this.#store.delete('token', 'markers')
  }

  /** Everything about the account, the device apart. */
  forget(): void {
    this.#store.delete(
      'token',
      'userId',
      'profile',
      'settings',
      'chatSettings',
      'following',
      'markers',
    )
    this.#store.clearContacts()
  }
}
