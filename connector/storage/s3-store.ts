import { AwsV4Signer } from 'aws4fetch'
import type { Clock } from '../clock.ts'
import {
  contentDisposition,
  dispositionName,
  encodeRfc3986,
  type ObjectStore,
  requiredSize,
  StorageError,
} from './object-store.ts'

/** Access to one bucket of an S3, Amazon's or another. */
export interface S3Settings {
  /** `https://s3.eu-central-1.amazonaws.com`, without the bucket. */
  endpoint: string
  region: string
  bucket: string
  accessKey: string
  secretKey: string
  /** Bucket in the path instead of the host name. */
  pathStyle: boolean
}

export interface S3Deps {
  settings: S3Settings
  clock: Clock
  /** Goes through the guard for URLs that users give. */
  fetch: (url: string, init: RequestInit) => Promise<Response>
}

/** How long S3 has to begin its answer. */
const ANSWER_TIMEOUT_MS = 30_000
/** How long it has when it must take a whole object first. */
const TRANSFER_TIMEOUT_MS = 15 * 60_000
/** How much of an error answer is read. */
const ERROR_BYTES = 4096
/** Longest life of a signed link in SigV4. */
const LONGEST_LINK_S = 7 * 86_400

interface Ask {
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>
  timeoutMs?: number
}

/** A bucket behind the S3 protocol, signed with SigV4. A redirect is an answer like any other. */
export const s3Store = ({ settings, clock, fetch }: S3Deps): ObjectStore => {
  const base = bucketUrl(settings)

  const sign = (method: string, url: URL, headers: Record<string, string>, signQuery = false) =>
    new AwsV4Signer({
      method,
      url: url.href,
      headers,
      accessKeyId: settings.accessKey,
      secretAccessKey: settings.secretKey,
      region: settings.region,
      service: 's3',
      signQuery,
      datetime: new Date(clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    }).sign()

  const ask = async (
    method: string,
    key: string,
    { query = {}, headers = {}, body, timeoutMs = ANSWER_TIMEOUT_MS }: Ask = {},
  ): Promise<Response> => {
    const url = urlOf(base, key)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const sent = { ...headers }
    // Bytes that are at hand are part of the signature; of a stream nobody knows them before.
    if (body instanceof Uint8Array) sent['x-amz-content-sha256'] = await sha256(body)
    const signed = await sign(method, url, sent)
    const abort = new AbortController()
    const stop = clock.after(timeoutMs, () => abort.abort())
    try {
      return await fetch(url.href, {
        method,
        headers: Object.fromEntries(signed.headers),
        redirect: 'manual',
        signal: abort.signal,
        ...(body === undefined ? {} : { body }),
        ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      } as RequestInit)
    } catch (cause) {
      if (cause instanceof StorageError) throw cause
      // The runtime's own words may repeat the URL.
      throw abort.signal.aborted
        ? new StorageError('Timeout', 'the storage did not answer in time', undefined, cause)
        : new StorageError('Unreachable', 'the storage cannot be reached', undefined, cause)
    } finally {
      stop()
    }
  }

  return {
    put: async (key, body, facts) => {
      const { contentType, fileName } = facts
      const length = requiredSize(body, facts)
      const response = await ask('PUT', key, {
        headers: {
          'content-type': contentType,
          'content-length': String(length),
          'content-disposition': contentDisposition(contentType, fileName),
        },
        body: body instanceof Uint8Array ? new Uint8Array(body) : withLength(body, length),
        timeoutMs: TRANSFER_TIMEOUT_MS,
      })
      await settle(response)
    },
    get: async (key, range) => {
      const headers = range ? { range: `bytes=${range.first}-${range.last ?? ''}` } : {}
      const response = await ask('GET', key, { headers })
      if (response.status === 404) return missing(response)
      if (!response.ok) await settle(response)
      const size = sizeOf(response)
      return { ...factsOf(response, size), body: response.body ?? new Blob().stream() }
    },
    head: async (key) => {
      const response = await ask('HEAD', key)
      if (response.status === 404) return missing(response)
      await settle(response)
      return factsOf(response, Number(response.headers.get('content-length') ?? 0))
    },
    delete: async (keys) => {
      // One by one: the form for many at once wants MD5 and XML, and not every S3 has it.
      for (const key of keys) {
        const response = await ask('DELETE', key)
        if (response.status === 404) await missing(response)
        else await settle(response)
      }
    },
    list: async (prefix, cursor) => {
      const response = await ask('GET', '', {
        query: {
          'list-type': '2',
          prefix,
          ...(cursor === undefined ? {} : { 'continuation-token': cursor }),
        },
      })
      if (!response.ok) await settle(response)
      return readPage(await response.text())
    },
    link: async (key, { expiresInS, fileName }) => {
      const url = urlOf(base, key)
      url.searchParams.set('X-Amz-Expires', String(Math.min(expiresInS, LONGEST_LINK_S)))
      if (fileName !== undefined) {
        const disposition = contentDisposition('', fileName)
        url.searchParams.set('response-content-disposition', disposition)
      }
      return (await sign('GET', url, {}, true)).url.href
    },
  }
}

/** Where the bucket is. */
const bucketUrl = ({ endpoint, bucket, pathStyle }: S3Settings): string => {
  const url = new URL(endpoint)
  if (pathStyle) url.pathname = `${url.pathname.replace(/\/+$/, '')}/${bucket}`
  else url.hostname = `${bucket}.${url.hostname}`
  return url.href.replace(/\/+$/, '')
}

const urlOf = (base: string, key: string): URL => {
  const steps = key.split('/')
  // A URL takes them for ways, which would lead out of the folder that was checked.
  if (steps.includes('.') || steps.includes('..')) {
    throw new StorageError('InvalidKey', 'a key with . or .. as a folder cannot be asked for')
  }
  return new URL(`${base}/${steps.map(encodeRfc3986).join('/')}`)
}

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** workerd announces a length only for a stream that has one; elsewhere the header does it. */
const withLength = (body: ReadableStream<Uint8Array>, size: number): ReadableStream<Uint8Array> => {
  if (typeof FixedLengthStream === 'undefined') return body
  const fixed = new FixedLengthStream(size)
  // A source that breaks breaks the request with it.
  body.pipeTo(fixed.writable as WritableStream<Uint8Array>).catch(() => {})
  return fixed.readable
}

const factsOf = ({ headers }: Response, size: number) => ({
  size,
  contentType: headers.get('content-type') ?? 'application/octet-stream',
  ...dispositionName(headers.get('content-disposition')),
  modifiedAt: Date.parse(headers.get('last-modified') ?? '') || 0,
})

/** The size of the whole object, of which the answer may hold a part. */
const sizeOf = ({ headers }: Response): number =>
  Number(
    /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? headers.get('content-length') ?? 0,
  )

const missing = async (response: Response): Promise<undefined> => {
  const error = await errorOf(response)
  // No such key is an answer; no such bucket is a fault.
  if (error.code === 'NoSuchBucket') throw error
  return undefined
}

/** Reads an answer without content to its end. @throws {StorageError} when it is a refusal */
const settle = async (response: Response): Promise<void> => {
  if (!response.ok) throw await errorOf(response)
  await response.body?.cancel().catch(() => {})
}

const errorOf = async (response: Response): Promise<StorageError> => {
  const { status } = response
  const text = await startOf(response)
  const code = field(text, 'Code') ?? (status >= 300 && status < 400 ? 'Redirect' : `HTTP${status}`)
  const words = field(text, 'Message') ?? `the storage answered ${status}`
  return new StorageError(code, words.slice(0, 300), status)
}

const startOf = async (response: Response): Promise<string> => {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (reader !== undefined && text.length < ERROR_BYTES) {
    const { done, value } = await reader.read()
    if (done) return text
    text += decoder.decode(value, { stream: true })
  }
  await reader?.cancel().catch(() => {})
  return text
}

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

/** Text of an element that holds text only, which is all that S3 answers are made of here. */
const field = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`)
    .exec(xml)?.[1]
    ?.replace(/&(lt|gt|quot|apos|amp);/g, (_all, entity: string) => entities[entity] ?? '')

const readPage = (xml: string) => {
  const objects = [...xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)].map(
    ([, content = '']) => ({
      key: field(content, 'Key') ?? '',
      size: Number(field(content, 'Size') ?? 0),
    }),
  )
  const cursor =
    field(xml, 'IsTruncated') === 'true' ? field(xml, 'NextContinuationToken') : undefined
  return { objects, ...(cursor === undefined ? {} : { cursor }) }
}
