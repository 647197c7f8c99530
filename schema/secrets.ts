/**
 * Fields that let somebody act as the account, fetch with its rights or join a call, wherever MAX puts
 * them: tokens of sessions and media, keys, credentials of a call.
 */
const secretName = /token|secret|password|credential|api_?key|authorization|cookie/i
const callSecrets = new Set(['vcp', 'turnServer', 'stunServer', 'sdpOffer', 'sdpAnswer'])

export const isSecretField = (name: string): boolean =>
  secretName.test(name) || callSecrets.has(name)

const publicField = (name: string, value: unknown): unknown => {
  if (isSecretField(name)) return undefined
  return typeof value === 'bigint' ? value.toString() : value
}

/** JSON for third parties: no secret field at any depth, integers beyond 2^53 as strings. */
export const stringifyWithoutSecrets = (value: unknown): string =>
  JSON.stringify(value, publicField)
