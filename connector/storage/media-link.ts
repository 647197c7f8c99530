import type { Vault } from '../vault.ts'
import { encodeRfc3986 } from './object-store.ts'

/** Signatures of links open nothing else. */
const LINK_PURPOSE = 'media-link'

export const encodedKey = (key: string): string => key.split('/').map(encodeRfc3986).join('/')

/** What the signature of a link covers: the key has the tenant in it. */
const signedText = (key: string, expires: number): string => `${expires}\n${key}`

/**
 * A link of the gateway itself to an object in the deployment's bucket: `/media/{key}`, behind the
 * gateway's public address where that is known.
 * @param expires Unix seconds
 */
export const gatewayLink = async (
  vault: Vault,
  publicUrl: string,
  key: string,
  expires: number,
): Promise<string> => {
  const signature = await vault.sign(signedText(key, expires), LINK_PURPOSE)
  return `${publicUrl}/media/${encodedKey(key)}?expires=${expires}&signature=${signature}`
}

export const isSignedLink = (
  vault: Vault,
  key: string,
  expires: number,
  signature: string,
): Promise<boolean> => vault.verify(signedText(key, expires), signature, LINK_PURPOSE)
