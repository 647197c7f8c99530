import { type Outbound, OutboundError } from '../../connector/outbound-fetch.ts'
import { GatewayError } from '../../schema/errors.ts'
import { flowOf, sourceFault } from './flow.ts'
import { encodedParameter, percentDecoded } from './multipart.ts'
import type { Source } from './source.ts'

const FETCH_TIMEOUT_MS = 5 * 60_000

/** A file behind a URL that a user gives: fetched through the guard, as often as it is opened. */
export const sourceOfUrl = (
  outbound: Outbound,
  url: string,
  { field, name, maxBytes }: { field: string; name: string | undefined; maxBytes: number },
): Source => ({
  again: true,
  release: async () => {},
  open: async () => {
    const request = {
      // What is packed could unpack to any size.
      headers: { 'Accept-Encoding': 'identity' },
      timeoutMs: FETCH_TIMEOUT_MS,
      maxBytes,
    }
    const { status, headers, body } = await outbound
      .download(url, request)
      .catch((error: unknown) => {
        throw explain(error, field)
      })
    if (status !== 200) {
      await body.cancel().catch(() => {})
      throw new GatewayError('SOURCE_FAILED', `${field}: the server answered ${status}`, {
        field,
        details: { status },
      })
    }
    // A server that packs all the same announces the packed size.
    const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
    const length = headers.get('content-length')
    return {
      flow: flowOf(body, (why, cause) => explain(cause, field) ?? sourceFault(why, cause)),
      sizeBytes: isPlain && length !== null ? Number(length) : undefined,
      name: name ?? nameIn(url, headers),
    }
  },
})

const explain = (error: unknown, field: string): GatewayError => {
  const cause = error instanceof OutboundError ? error : undefined
  if (cause?.fault === 'refused') {
    return new GatewayError('INVALID_INPUT', `${field}: ${cause.message}`, { field })
  }
  if (cause?.fault === 'too_large') {
    return new GatewayError('BODY_TOO_LARGE', `${field}: ${cause.message}`, { field })
  }
  const why = cause?.message ?? 'the data broke off'
  return new GatewayError('SOURCE_FAILED', `${field}: ${why}`, { field, cause: error })
}

/** The server's name for the file, else the end of the path. */
const nameIn = (url: string, headers: Headers): string | undefined => {
  const encoded = encodedParameter(`;${headers.get('content-disposition') ?? ''}`)
  if (encoded !== undefined) return encoded
  const last = percentDecoded(new URL(url).pathname.split('/').at(-1) ?? '')
  return /\.\w{1,8}$/.test(last) ? last : undefined
}
