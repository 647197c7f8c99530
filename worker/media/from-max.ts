import { GatewayError } from '../../schema/errors.ts'
import type { MediaLink } from '../../schema/media-link.ts'
import { type Flow, flowOf } from './flow.ts'
import type { MaxFetch } from './max-http.ts'

/** Content on its way from MAX. */
export interface Fetched {
  response: Response
  flow: Flow
  name: string | undefined
  /** Where it was asked for. */
  url: string
}

/** Whether MAX no longer serves what a link leads to; it may have another one. */
export const isGone = ({ status }: Response): boolean => [401, 403, 404, 410].includes(status)

/**
 * Asks at the link's own host, then at the hosts that MAX named for it.
 * @throws {GatewayError} TRANSFER_FAILED, or BAD_UPSTREAM for a link that may not be followed
 */
export const askAnywhere = async (
  fetch: MaxFetch,
  { url, failoverHosts }: MediaLink,
  range: string | null = null,
): Promise<Response> => {
  const urls = [url, ...failoverHosts.flatMap((host) => atHost(url, host))]
  let fault: unknown
  for (const candidate of urls) {
    try {
      const response = await askMax(fetch, candidate, range)
      if (response.status < 500 || candidate === urls.at(-1)) return response
      await response.body?.cancel().catch(() => {})
    } catch (error) {
      fault = error
    }
  }
  throw fault
}

const atHost = (url: string, host: string): string[] => {
  const moved = new URL(url)
  moved.host = host
  // A host that is none leaves the URL as it was.
  return moved.href === url ? [] : [moved.href]
}

export const askMax = async (
  fetch: MaxFetch,
  url: string,
  range: string | null,
): Promise<Response> => {
  try {
    return await fetch(url, {
      // What is packed could unpack to any size.
      headers: { 'Accept-Encoding': 'identity', ...(range !== null && { Range: range }) },
    })
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('TRANSFER_FAILED', "cannot reach MAX's media server", { cause })
  }
}

/** An answer that is content; anything else is no data, whatever its body says. */
export const take = async (
  response: Response,
  { url, name }: Pick<MediaLink, 'url' | 'name'>,
): Promise<Fetched> => {
  const { status } = response
  if (status === 200 || status === 206) {
    const flow = flowOf(response.body ?? new ReadableStream(), brokenOff)
    return { response, flow, name, url }
  }
  await response.body?.cancel().catch(() => {})
  if (isGone(response)) {
    throw new GatewayError('NOT_FOUND', 'MAX no longer has this file', { details: { status } })
  }
  if (status === 416) {
    throw new GatewayError('INVALID_INPUT', 'the file has no such range', { field: 'Range' })
  }
  throw new GatewayError('TRANSFER_FAILED', `MAX's media server answered ${status}`, {
    details: { status },
  })
}

export const brokenOff = (why: string, cause?: unknown): GatewayError =>
  new GatewayError('TRANSFER_FAILED', `The download from MAX broke off: ${why}`, { cause })

/** What is announced of the body as it will be read; a packed one announces another size. */
export const lengthOf = ({ headers }: Response): number | undefined => {
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  const length = headers.get('content-length')
  return isPlain && length !== null ? Number(length) : undefined
}
