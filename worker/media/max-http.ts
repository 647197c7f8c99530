import { parseEndpoint } from '../../connector/endpoint.ts'
import { networkOf } from '../../connector/network.ts'
import { handshakeProfile } from '../../connector/profile.ts'
import { GatewayError } from '../../schema/errors.ts'
import { isMediaUrl } from '../../schema/media.ts'
import { refuseOutbound } from '../../schema/outbound.ts'
import { SANDBOX_ORIGIN } from '../../schema/sandbox-port.ts'
import type { Env } from '../env.ts'
import type { Gateway } from '../gateway.ts'

/** A request to MAX's media servers, which says of itself what the session says. */
export type MaxFetch = (url: string, init: RequestInit) => Promise<Response>

/** The way to MAX's media servers from this deployment. */
export interface MaxHttp {
  fetch: MaxFetch
  /** Whether a URL that a user gives leads there. */
  serves(url: string): boolean
}

export const openMaxHttp = (env: Env): MaxHttp => {
  const endpoint = parseEndpoint(env.MAX_ENDPOINT, env.MAX_PROTOCOL)
  const { headerUserAgent } = handshakeProfile(endpoint.encoding, env.MAX_PROFILE)
  // A MAX of one's own, for tests, has its media servers where it is itself.
  const ownHost = env.MAX_ENDPOINT ? new URL(env.MAX_ENDPOINT).host : undefined
  const isOwn = (url: string): boolean => URL.canParse(url) && new URL(url).host === ownHost
  const network = networkOf(env)
  return {
    serves: (url) => isMediaUrl(url) || isOwn(url),
    fetch: async (url, init) => {
      const headers = new Headers(init.headers)
      // The content servers serve the kind of browser that a link was made for (§4.5).
      headers.set('User-Agent', headerUserAgent)
      const request = { ...init, headers, redirect: 'manual' } as const
      if (isOwn(url)) return network.fetch(url, request)
      // MAX named the URL, but nothing it says may lead into this network.
      if (refuseOutbound(url, { allowPrivate: false }) !== undefined) throw unusable()
      return network.publicFetch(url, request)
    },
  }
}

/** The same for one tenant: a sandbox has media servers of its own, and no others. */
export const maxHttpOf = (
  { max, sandboxes }: Gateway,
  tenant: { id: string; sandbox: boolean },
): MaxHttp => {
  if (!tenant.sandbox) return max
  const serves = (url: string): boolean => url.startsWith(`${SANDBOX_ORIGIN}/`)
  return {
    serves,
    fetch: async (url, init) => {
      if (!serves(url)) throw unusable()
      const headers = new Headers(init.headers)
      headers.set('User-Agent', 'Mozilla/5.0 Chrome/140.0.0.0')
      return sandboxes.getByName(tenant.id).fetch(new Request(url, { ...init, headers }))
    },
  }
}

const unusable = (): GatewayError =>
  new GatewayError('BAD_UPSTREAM', 'MAX named a media server that cannot be used')
