import ipaddr from 'ipaddr.js'

/**
 * The guard for requests to URLs that users give: no credentials, no private, loopback, link-local,
 * metadata or reserved addresses in any notation, https only. Checked when a URL is saved and again
 * at each use.
 */
export interface OutboundPolicy {
  /** Local use: allows http and addresses inside the own network. */
  allowPrivate: boolean
  /** Allows http and this machine itself, nothing else of the own network. */
  allowLoopback?: boolean
}

/**
 * The policy for a tenant's webhooks. Sandbox tenants of a gateway that only this machine can reach
 * may be called on this machine: a quick start needs no configuration.
 */
export const webhookPolicy = (
  deployment: { allowPrivate: boolean; loopback: boolean },
  sandbox: boolean,
): OutboundPolicy => ({
  allowPrivate: deployment.allowPrivate,
  allowLoopback: sandbox && deployment.loopback,
})

/** Names that mean the own machine or network without being an address. */
const privateName = /(^|\.)(localhost|localdomain|local|internal|intranet|lan|home\.arpa)$/
/** Azure's metadata and agent service lives on a public address that leads to the host itself. */
const METADATA_ADDRESS = '168.63.129.16'
/** The only part of IPv6 that is routed on the internet (RFC 4291 §2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** Why a URL may not be called, or `undefined` when it may. */
export const refuseOutbound = (text: string, policy: OutboundPolicy): string | undefined => {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return 'not a valid URL'
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'only http(s) URLs can be called'
  if (url.username !== '' || url.password !== '') return 'credentials do not belong into a URL'
  if (policy.allowPrivate) return undefined
  const host = hostOf(url)
  const range = ipaddr.isValid(host) ? rangeOf(host) : undefined
  if (policy.allowLoopback && (host === 'localhost' || range === 'loopback')) return undefined
  if (url.protocol !== 'https:') return 'only https URLs are allowed'
  if (range !== undefined) {
    return range === 'unicast' ? undefined : 'private and reserved addresses are not allowed'
  }
  if (privateName.test(host) || !host.includes('.'))
    return 'names of a private network are not allowed'
  return undefined
}

/** Whether a URL names this machine itself. */
export const isLoopbackUrl = (text: string): boolean => {
  const host = hostOf(new URL(text))
  return host === 'localhost' || (ipaddr.isValid(host) && rangeOf(host) === 'loopback')
}

/** The URL parser has already turned decimal, octal and hexadecimal IPv4 into dotted form. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')

/**
 * The range an address belongs to; `unicast` is the public internet. IPv4 mapped into IPv6 counts as
 * what it leads to; the other ways to hide one there (NAT64, 6to4, Teredo) are ranges of their own.
 */
const rangeOf = (host: string): string => {
  if (host === METADATA_ADDRESS) return 'metadata'
  const address = ipaddr.process(host)
  const range = address.range()
  if (range !== 'unicast' || address instanceof ipaddr.IPv4) return range
  return address.match(GLOBAL_UNICAST) ? range : 'reserved'
}
