import { openApiDocument } from '../schema/openapi/document.ts'
import { renderApiMd } from '../schema/reference/api-md.ts'
import { renderLlms } from '../schema/reference/llms.ts'

/** A text about the API itself: public, the same for everybody, and only new after a deploy. */
interface Document {
  contentType: string
  render: (version: string) => string
}

export const documents: Record<string, Document> = {
  '/openapi.json': {
    contentType: 'application/json',
    render: (version) => JSON.stringify(openApiDocument(version)),
  },
  '/llms.txt': {
    contentType: 'text/markdown; charset=utf-8',
    render: (version) => renderLlms(openApiDocument(version)),
  },
  '/llms-full.txt': {
    contentType: 'text/markdown; charset=utf-8',
    render: (version) => renderApiMd(openApiDocument(version)),
  },
}

interface Rendered {
  etag: string
  plain: Uint8Array<ArrayBuffer>
  gzip: Uint8Array<ArrayBuffer>
}

/** Serves a document, made at the first request for it. */
export const documentServer = (document: Document, version: string) => {
  let rendered: Promise<Rendered> | undefined
  return async (request: Request): Promise<Response> => {
    rendered ??= render(document.render(version))
    const { etag, plain, gzip } = await rendered
    const headers: Record<string, string> = {
      ETag: etag,
      'Cache-Control': 'no-cache',
      Vary: 'Accept-Encoding',
    }
    if (isKnown(request.headers.get('if-none-match'), etag)) {
      return new Response(null, { status: 304, headers })
    }
    headers['Content-Type'] = document.contentType
    if (!acceptsGzip(request.headers.get('accept-encoding'))) {
      return new Response(plain, { headers })
    }
    headers['Content-Encoding'] = 'gzip'
    // Packed already: the runtime must not do it again.
    return new Response(gzip, { headers, encodeBody: 'manual' })
  }
}

const render = async (text: string): Promise<Rendered> => {
  const plain = new Uint8Array(Buffer.from(text))
  const packed = new Blob([plain]).stream().pipeThrough(new CompressionStream('gzip'))
  const gzip = new Uint8Array(await new Response(packed).arrayBuffer())
  const hash = await crypto.subtle.digest('SHA-256', plain)
  // Weak: both encodings share it.
  return { etag: `W/"${Buffer.from(hash).toString('base64url').slice(0, 22)}"`, plain, gzip }
}

const isKnown = (ifNoneMatch: string | null, etag: string): boolean =>
  ifNoneMatch?.split(',').some((known) => known.trim() === etag) ?? false

const acceptsGzip = (acceptEncoding: string | null): boolean =>
  acceptEncoding
    ?.split(',')
    .some((coding) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding)) ?? false
