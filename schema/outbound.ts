import ipaddr from 'ipaddr.js'

/**
 * The guard for requests to URLs that users give: no credentials, no private, loopback, link-local,
 * metadata or reserved addresses in any notation, https only. Checked when a URL is saved and again
 * at each use.
 */
export interface OutboundPolicy {
  /** Local use: allows http and addresses inside the own network. */
  allowPrivate: boolean
}

/**
 * The policy for a tenant's webhooks. Sandbox tenants of a gateway that only this machine can reach
 * are at home: a quick start needs no configuration.
 */
export const webhookPolicy = (
  deployment: { allowPrivate: boolean; loopback: boolean },
  sandbox: boolean,
): OutboundPolicy => ({
  allowPrivate: deployment.allowPrivate || (sandbox && deployment.loopback),
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
  if (url.protocol !== 'https:') return 'only https URLs are allowed'
  // The URL parser has already turned decimal, octal and hexadecimal IPv4 into dotted form.
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (ipaddr.isValid(host)) {
    return ipaddr.process(host).range() === 'unicast'
      ? undefined
      : 'private and reserved addresses are not allowed'
  }
  if (privateName.test(host) || !host.includes('.'))
    return 'names of a private network are not allowed'
  return undefined
}
