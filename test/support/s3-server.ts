import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'

interface Stored {
  bytes: Buffer
  contentType: string
  disposition: string
  at: Date
}

export interface S3Server {
  url: string
  bucket: string
  accessKey: string
  secretKey: string
  region: string
  objects: Map<string, Stored>
  /** Methods that its policy forbids. */
  deny: ReadonlySet<string>
  /** A key that it lets nobody delete. */
  denyKey: string | undefined
  /** How far its clock is ahead of this machine's. */
  skewMs: number
  /** Answers the next requests so, before anything is looked at; `undefined` ends it. */
  fault: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  close(): Promise<void>
}

/** A link is signed for whatever body, and does not say so. */
const payloadHash = new Set(['x-amz-content-sha256'])

class Refusal extends Error {
  readonly code: string
  readonly status: number
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/**
 * A small S3 that checks what real ones check: SigV4 in header and query, computed anew with the AWS
 * SDK's own signer, the hash of the payload where it is signed, its length, and the clock. One bucket.
 */
export const startS3 = async (): Promise<S3Server> => {
  const access = {
    bucket: 'test-bucket',
    accessKey: 'AKIDTEST',
    secretKey: 'secret/of+the/test',
    region: 'eu-test-1',
  }
  const objects = new Map<string, Stored>()
  const self: Pick<S3Server, 'fault' | 'deny' | 'denyKey' | 'skewMs'> = {
    fault: undefined,
    deny: new Set(),
    denyKey: undefined,
    skewMs: 0,
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    const [, bucket = '', ...rest] = url.pathname.split('/')
    const key = rest.map(decodeURIComponent).join('/')
    const body = await bodyOf(request)
    await checkSignature(request, url, body, access, Date.now() + self.skewMs)
    if (bucket !== access.bucket) throw new Refusal(404, 'NoSuchBucket')
    if (self.deny.has(request.method ?? '')) throw new Refusal(403, 'AccessDenied')
    const stored = objects.get(key)
    switch (request.method) {
      case 'PUT': {
        if (request.headers['content-length'] === undefined) {
          throw new Refusal(411, 'MissingContentLength')
        }
        objects.set(key, {
          bytes: body,
          contentType: request.headers['content-type'] ?? 'binary/octet-stream',
          disposition: String(request.headers['content-disposition'] ?? ''),
          at: new Date(),
        })
        response.end()
        return
      }
      case 'DELETE':
        if (key === self.denyKey) throw new Refusal(403, 'AccessDenied')
        objects.delete(key)
        response.writeHead(204).end()
        return
      case 'HEAD':
      case 'GET': {
        if (key === '') {
          response.setHeader('content-type', 'application/xml')
          response.end(listing(objects, url.searchParams))
          return
        }
        if (stored === undefined) throw new Refusal(404, 'NoSuchKey')
        sendObject(request, response, stored, url.searchParams)
        return
      }
      default:
        throw new Refusal(405, 'MethodNotAllowed')
    }
  }
  const server = createServer((request, response) => {
    if (self.fault) {
      self.fault(request, response)
      return
    }
    serve(request, response).catch((error: unknown) => {
      const { status, code } = error instanceof Refusal ? error : new Refusal(500, 'InternalError')
      response.writeHead(status, { 'content-type': 'application/xml' })
      response.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} &amp; no more</Message></Error>`,
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(self, access, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Signs what came with the secret it should have been signed with, and compares. */
const checkSignature = async (
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  access: Pick<S3Server, 'accessKey' | 'secretKey' | 'region'>,
  now: number,
): Promise<void> => {
  const inQuery = url.searchParams.get('X-Amz-Signature')
  const parts = inQuery === null ? headerParts(request) : queryParts(url)
  if (parts.keyId !== access.accessKey) throw new Refusal(403, 'InvalidAccessKeyId')
  const date = new Date(parts.date.replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:'))
  const age = now - date.getTime()
  if (inQuery === null ? Math.abs(age) > 900_000 : age > parts.expiresInS * 1000) {
    throw new Refusal(403, inQuery === null ? 'RequestTimeTooSkewed' : 'AccessDenied')
  }
  const hash = String(request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD')
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== createHash('sha256').update(body).digest('hex')) {
    throw new Refusal(400, 'XAmzContentSHA256Mismatch')
  }
  const signer = new SignatureV4({
    credentials: { accessKeyId: access.accessKey, secretAccessKey: access.secretKey },
    region: access.region,
    service: 's3',
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: inQuery === null,
  })
  const query: Record<string, string | string[]> = {}
  for (const name of new Set(url.searchParams.keys())) {
    if (!/^X-Amz-(Signature|Algorithm|Credential|Date|Expires|SignedHeaders)$/.test(name)) {
      query[name] = url.searchParams.getAll(name)
    }
  }
  const headers: Record<string, string> = { host: String(request.headers.host) }
  for (const name of parts.signedHeaders) headers[name] = String(request.headers[name] ?? '')
  const copy = {
    method: request.method ?? 'GET',
    protocol: 'http:',
    hostname: url.hostname,
    path: url.pathname,
    query,
    headers,
  }
  const expected =
    inQuery === null
      ? /Signature=(\w+)/.exec(
          (await signer.sign(copy, { signingDate: date })).headers.authorization ?? '',
        )?.[1]
      : (
          await signer.presign(
            { ...copy, headers: { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
            {
              signingDate: date,
              expiresIn: parts.expiresInS,
              unhoistableHeaders: payloadHash,
              unsignableHeaders: payloadHash,
            },
          )
        ).query?.['X-Amz-Signature']
  if (expected !== parts.signature) throw new Refusal(403, 'SignatureDoesNotMatch')
}

const headerParts = (request: IncomingMessage) => {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/[^,]+, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
      request.headers.authorization ?? '',
    )
  if (match === null) throw new Refusal(403, 'AccessDenied')
  const [, keyId = '', signed = '', signature = ''] = match
  return {
    keyId,
    signedHeaders: signed.split(';'),
    signature,
    date: String(request.headers['x-amz-date']),
    expiresInS: 0,
  }
}

const queryParts = (url: URL) => {
  const get = (name: string): string => url.searchParams.get(`X-Amz-${name}`) ?? ''
  return {
    keyId: get('Credential').split('/')[0] ?? '',
    signedHeaders: get('SignedHeaders').split(';'),
    signature: get('Signature'),
    date: get('Date'),
    expiresInS: Number(get('Expires')),
  }
}

const sendObject = (
  request: IncomingMessage,
  response: ServerResponse,
  { bytes, contentType, disposition, at }: Stored,
  query: URLSearchParams,
): void => {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const first = Number(range?.[1] ?? 0)
  const last = range?.[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1
  const part = bytes.subarray(first, last + 1)
  response.writeHead(range ? 206 : 200, {
    'content-type': contentType,
    'content-length': part.length,
    'content-disposition': query.get('response-content-disposition') ?? disposition,
    'last-modified': at.toUTCString(),
    ...(range ? { 'content-range': `bytes ${first}-${last}/${bytes.length}` } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : part)
}

const PAGE = 2

const listing = (objects: Map<string, Stored>, query: URLSearchParams): string => {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? ''
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
  const page = keys.slice(0, PAGE)
  const more = keys.length > PAGE
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${
    more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
  }${page
    .map(
      (key) =>
        `<Contents><Key>${key.replaceAll('&', '&amp;')}</Key><Size>${objects.get(key)?.bytes.length}</Size></Contents>`,
    )
    .join('')}</ListBucketResult>`
}
