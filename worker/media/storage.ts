import { GatewayError } from '../../schema/errors.ts'
import type { Gateway } from '../gateway.ts'
import { flowOf } from './flow.ts'
import type { Source } from './source.ts'

/** Where a tenant's objects lie. */
export const tenantPrefix = (tenantId: string): string => `users/${tenantId}/`

/**
 * An object in the tenant's own storage as content to send.
 * @throws {GatewayError} NOT_FOUND for a key that is not the tenant's or leads to nothing
 */
export const sourceOfStorage = (
  { media }: Gateway,
  tenantId: string,
  key: string,
  name: string | undefined,
): Source => {
  const open: Source['open'] = async () => {
    const object = key.startsWith(tenantPrefix(tenantId)) ? await media.get(key) : null
    if (object === null) {
      throw new GatewayError('NOT_FOUND', 'there is no such object', { field: 'storageKey' })
    }
    return {
      flow: flowOf(object.body),
      sizeBytes: object.size,
      name: name ?? key.split('/').at(-1),
    }
  }
  return { again: true, open, release: async () => {} }
}
