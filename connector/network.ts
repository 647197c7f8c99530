import type { Fetch } from './outbound-fetch.ts'

/** What the self-host runtime binds; on Cloudflare neither is there. */
export interface NetworkBindings {
  /**
   * The network itself. The local runtime leads the global `fetch` through a Worker of its own, which
   * costs as much as the request and adds headers to it.
   */
  NETWORK?: Fetcher
  /** A way out that cannot reach private addresses, whatever a name resolves to. */
  PUBLIC_NETWORK?: Fetcher
}

/** The ways out of the runtime. */
export interface Network {
  /** Reaches everything that the runtime can. */
  fetch: Fetch
  /** Reaches public addresses only. */
  publicFetch: Fetch
}

/** Cloudflare's own network reaches public addresses only, so there the two are the same. */
export const networkOf = ({ NETWORK, PUBLIC_NETWORK }: NetworkBindings): Network => {
  const all: Fetch = NETWORK
    ? (url, init) => NETWORK.fetch(url, init)
    : (url, init) => fetch(url, init)
  return {
    fetch: all,
    publicFetch: PUBLIC_NETWORK ? (url, init) => PUBLIC_NETWORK.fetch(url, init) : all,
  }
}
