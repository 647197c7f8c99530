import { GatewayError } from './errors.ts'

/**
 * Settings of older versions that do nothing here. Their neutral value is accepted, so that a client
 * which always sends them works; anything else is refused instead of silently dropped.
 */
const notSupported = (field: string, text: string): GatewayError =>
  new GatewayError('NOT_SUPPORTED', text, { field })

/** @throws {GatewayError} NOT_SUPPORTED */
export const refuseHistory = (history: number): void => {
  if (history === 0) return
  const text = 'Messages are read from MAX itself with POST /chat/history; none are kept: set 0'
  throw notSupported('history', text)
}

/** @throws {GatewayError} NOT_SUPPORTED */
export const refuseProxy = (enabled: boolean, field: string): void => {
  if (!enabled) return
  throw notSupported(field, 'A tenant cannot have a proxy of its own; none would be used for MAX')
}

/** @throws {GatewayError} NOT_SUPPORTED */
export const refuseExpiration = (expiration: number): void => {
  if (expiration === 0) return
  throw notSupported(
    'expiration',
    'Tenants do not expire: delete them with DELETE /admin/users/{id}',
  )
}
