import { GatewayError } from '../../schema/errors.ts'
import type { DownloadKind } from '../../schema/media.ts'
import type { LinkInput, MediaLink } from '../../schema/media-link.ts'
import { inputReader } from '../input.ts'
import { unwrap } from '../result.ts'
import type { MediaCall, MediaHandler } from './call.ts'
import { sniff } from './content.ts'
import { concat, type Flow, fixedLength, peek, pour } from './flow.ts'
import { askAnywhere, askMax, brokenOff, type Fetched, isGone, lengthOf, take } from './from-max.ts'
import { maxHttpOf } from './max-http.ts'
import { budget } from './take.ts'

/** Largest content that is answered as base64. */
const MAX_JSON_BYTES = 10 * 1024 * 1024
const HEAD_BYTES = 4_100

/** Serves a download: JSON with base64, or the bytes when the caller asks for them. */
export const downloadKind =
  (kind: DownloadKind, { alwaysBytes = false }: { alwaysBytes?: boolean } = {}): MediaHandler =>
  (row) => {
    const readInput = inputReader(row)
    return async (call) => {
      const input = await readInput(call.request, call.path)
      const accept = call.request.headers.get('accept') ?? ''
      const asBytes = alwaysBytes || /application\/octet-stream/i.test(accept)
      const range = asBytes ? call.request.headers.get('range') : null
      const fetched = await fetchContent(call, kind, input, range)
      return asBytes ? answerBytes(fetched) : answerJson(fetched, kind)
    }
  }

const fetchContent = async (
  call: MediaCall,
  kind: DownloadKind,
  input: Record<string, unknown>,
  range: string | null,
): Promise<Fetched> => {
  const { url } = input
  const max = maxHttpOf(call.gateway, call.tenant)
  if (typeof url === 'string') {
    if (!max.serves(url)) {
      throw new GatewayError('INVALID_INPUT', "url: expected a link to MAX's own media servers", {
        field: 'url',
      })
    }
    return take(await askMax(max.fetch, url, range), { url })
  }
  const { chatId, messageId } = input
  for (const [field, value] of Object.entries({ chatId, messageId })) {
    if (value === undefined)
      throw new GatewayError('INVALID_INPUT', `${field} is required`, { field })
  }
  const id = input.photoId ?? input.videoId ?? input.audioId ?? input.fileId
  const { index, quality } = input
  const wanted = { kind, chatId, messageId, index, id, quality } as LinkInput
  const link = unwrap(await call.step('media.link', wanted)) as MediaLink
  const response = await askAnywhere(max.fetch, link, range)
  if (!isGone(response)) return take(response, link)
  // The link of an older message may have run out: MAX gives a new one.
  const fresh = unwrap(await call.step('media.link', { ...wanted, refresh: true })) as MediaLink
  await response.body?.cancel().catch(() => {})
  return take(fresh.url === link.url ? response : await askAnywhere(max.fetch, fresh, range), fresh)
}

const answerJson = async ({ response, flow, name, url }: Fetched, kind: DownloadKind) => {
  const announced = lengthOf(response)
  if (announced !== undefined && announced > MAX_JSON_BYTES) {
    await flow.cancel()
    throw tooLarge()
  }
  // The bytes, and twice a third more of them as base64: once as text, once as the answer's body.
  const free = await budget.take(4 * (announced ?? MAX_JSON_BYTES))
  try {
    const bytes = await readWhole(flow, announced)
    const type = await sniff(bytes.subarray(0, HEAD_BYTES))
    const mimeType = type?.mimeType ?? 'application/octet-stream'
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
    const fileName = name ?? `file.${type?.extension ?? 'bin'}`
    const answer = { data, mimeType, size: bytes.length, fileName }
    return { ok: true, data: kind === 'video' ? { ...answer, url } : answer } as const
  } finally {
    free()
  }
}

const readWhole = async (flow: Flow, announced: number | undefined): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = []
  let size = 0
  for (let piece = await flow.pull(); piece !== undefined; piece = await flow.pull()) {
    pieces.push(piece)
    size += piece.length
    if (size > MAX_JSON_BYTES) {
      await flow.cancel()
      throw tooLarge()
    }
  }
  // What the connection's own end does not tell, its length does.
  if (announced !== undefined && size !== announced) {
    throw brokenOff(`${size} of ${announced} bytes came`)
  }
  return concat(pieces)
}

const tooLarge = (): GatewayError =>
  new GatewayError(
    'BODY_TOO_LARGE',
    `The file is larger than ${MAX_JSON_BYTES} bytes: ask with Accept: application/octet-stream`,
  )

const answerBytes = async ({ response, flow, name }: Fetched): Promise<Response> => {
  const { headers: given, status } = response
  const { head, whole } = await peek(flow, HEAD_BYTES)
  const isStart = status === 200 || /^bytes 0-/.test(given.get('content-range') ?? '')
  const type = isStart ? await sniff(head) : undefined
  const length = lengthOf(response)
  const fileName = name ?? `file.${type?.extension ?? 'bin'}`
  const headers = new Headers({
    'Content-Type': type?.mimeType ?? given.get('content-type') ?? 'application/octet-stream',
    'Content-Disposition': disposition(fileName),
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-store',
    // Content of strangers comes from the origin of the API: it must never run there.
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'X-Content-Type-Options': 'nosniff',
  })
  const range = given.get('content-range')
  if (range !== null) headers.set('Content-Range', range)
  if (length !== undefined) headers.set('Content-Length', String(length))
  const { readable, writable } = length === undefined ? new TransformStream() : fixedLength(length)
  const short = (got: number): GatewayError => brokenOff(`${got} of ${length} bytes came`)
  // An answer that has begun can only break off itself, which is what the writer's abort does.
  pour(whole, writable, length ?? Number.POSITIVE_INFINITY, short).catch(() => {})
  return new Response(readable, { status, headers })
}

const disposition = (name: string): string => {
  const ascii = name.replace(/[^\x20-\x7e]|["\\]/g, '_')
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
