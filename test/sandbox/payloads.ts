import type { WireMap } from '../../schema/wire.ts'

/** A first LOGIN as the web client sends it (wire-and-auth.md §6.1). */
export const loginPayload = (token: string, extra: WireMap = {}): WireMap => ({
  token,
  chatsCount: 40,
  interactive: true,
  chatsSync: 0,
  contactsSync: 0,
  presenceSync: -1,
  draftsSync: 0,
  ...extra,
})
