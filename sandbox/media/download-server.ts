import { isContentUrl, type LinkKind, qualities } from './links.ts'
import { LineCut, type MediaStage } from './upload-server.ts'
import type { Upload } from './uploads.ts'

/** MAX's content servers: signed links, no login, ranges (operations-and-events.md §4.5). */
export const serveContent = async (stage: MediaStage, request: Request): Promise<Response> => {
  const { uploads, faults } = stage
  const url = new URL(request.url)
  const [, kind, id] = /\/(photo|file|video|audio)\/(\d+)$/.exec(url.pathname) ?? []
  const upload = uploads.byId(Number(id))
  if (upload === undefined || !isContentUrl(url, upload, kind as LinkKind)) return text(403)
  const expiresAt = Number(url.searchParams.get('expires'))
  if (expiresAt !== 0 && expiresAt <= stage.now()) return text(403)
  if (faults.take('link_expired', upload.ownerId)) return text(404)
  if (kind === 'video' && isForeign(request.headers)) return text(400)

  const sizeBytes = sizeOf(upload, url.searchParams.get('type'))
  const range = readRange(request.headers.get('range'), sizeBytes)
  if (range === 'unsatisfiable') {
    return text(416, { 'content-range': `bytes */${sizeBytes}` })
  }
  const { start, length } = range ?? { start: 0, length: sizeBytes }
  const content = stage.blobs.read(String(upload.id), start, length)
  if (content === undefined) return text(404)
  const cut = faults.take('download_cut', upload.ownerId)
  const slow = faults.take('download_slow', upload.ownerId)
  const spoiled =
    cut || slow
      ? spoil(content, { stage, length, cut: !!cut, delayMs: slow?.delayMs ?? 0 })
      : content
  return new Response(request.method === 'HEAD' ? null : spoiled, {
    status: range ? 206 : 200,
    headers: {
      'content-type': upload.mimeType,
      'content-length': String(length),
      'accept-ranges': 'bytes',
      ...(range && { 'content-range': `bytes ${start}-${start + length - 1}/${sizeBytes}` }),
    },
  })
}

/** The CDN serves the kind of browser the link was made for, and no foreign page (§4.5). */
const isForeign = (headers: Headers): boolean => {
  const origin = headers.get('origin')
  const isChrome = /Chrome\//.test(headers.get('user-agent') ?? '')
  return !isChrome || (origin !== null && origin !== 'https://web.max.ru')
}

/** Lesser qualities are smaller: here, a shorter piece of the same bytes. */
const sizeOf = (upload: Upload, quality: string | null): number => {
  const at = (qualities as readonly (string | null)[]).indexOf(quality)
  return at > 0 ? Math.ceil(upload.sizeBytes / (at + 1)) : upload.sizeBytes
}

const readRange = (
  header: string | null,
  sizeBytes: number,
): { start: number; length: number } | 'unsatisfiable' | undefined => {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (from === '' && to === '') return undefined
  const start = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from)
  const end = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  return start > end ? 'unsatisfiable' : { start, length: end - start + 1 }
}

/** Waits before the second half, or breaks off there. */
const spoil = (
  content: ReadableStream<Uint8Array>,
  how: { stage: MediaStage; length: number; cut: boolean; delayMs: number },
): ReadableStream<Uint8Array> => {
  let sent = 0
  let paused = false
  return content.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        const half = Math.max(0, Math.ceil(how.length / 2) - sent)
        sent += chunk.length
        if (paused || half >= chunk.length) return controller.enqueue(chunk)
        paused = true
        if (half > 0) controller.enqueue(chunk.subarray(0, half))
        if (how.delayMs > 0) await how.stage.sleep(how.delayMs)
        if (how.cut) controller.error(new LineCut())
        else controller.enqueue(chunk.subarray(half))
      },
    }),
  )
}

const text = (status: number, headers: Record<string, string> = {}): Response =>
  new Response(`<html>${status}</html>`, {
    status,
    headers: { 'content-type': 'text/html', ...headers },
  })
