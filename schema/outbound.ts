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
const privateName = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)$/

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
  // The URL parser has already turned decimal, octal and hexadecimal IPv4 into dotted form.
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
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

/** IPv4 inside IPv6, mapped or in the long-dead "compatible" form, counts as what it leads to. */
const rangeOf = (host: string): string => {
  const address = ipaddr.process(host)
  if (!(address instanceof ipaddr.IPv6) || !address.match(ipaddr.IPv6.parseCIDR('::/96'))) {
    return address.range()
  }
  const range = address.range()
  return range === 'unicast' ? 'reserved' : range
}
