import { createHash } from 'node:crypto'
import { make as createMultipart } from 'multipasta'
import type { FaultScript } from '../faults.ts'
import type { Settings } from '../settings.ts'
import type { Blobs } from './blobs.ts'
import { HEAD_BYTES, lookAt, refusalOf } from './content.ts'
import { isUploadUrl } from './links.ts'
import type { Upload, UploadKind, Uploads } from './uploads.ts'

/** The connection breaks instead of an answer: the host cuts the socket. */
export class LineCut extends Error {}

export interface MediaStage {
  uploads: Uploads
  blobs: Blobs
  settings: Settings
  faults: FaultScript
  now(): number
  sleep(ms: number): Promise<void>
  /** The content is there; the answer follows in this turn. */
  onReceived(upload: Upload): void
}

/** MAX's upload servers over HTTP (operations-and-events.md §4.2). */
export const receiveUpload = async (stage: MediaStage, request: Request): Promise<Response> => {
  const { uploads, settings, faults } = stage
  const url = new URL(request.url)
  const upload = uploads.byId(Number(url.searchParams.get('id')))
  if (upload === undefined || !isUploadUrl(url, upload)) return refused('1', 'NOT_FOUND', 403)
  if (upload.expiresAt <= stage.now()) return refused('2', 'URL_EXPIRED', 410)
  if (upload.state !== 'issued') return refused('4', 'BAD_REQUEST')
  const broken = faults.take('upload_broken', upload.ownerId)
  const refusal = faults.take('upload_refused', upload.ownerId)
  const slow = faults.take('upload_slow', upload.ownerId)

  const isMultipart = (request.headers.get('content-type') ?? '').startsWith('multipart/form-data')
  const needsMultipart =
    upload.kind === 'photo' ||
    upload.kind === 'sticker' ||
    (upload.kind === 'voice' && !settings.rawVoice)
  const wrongForm = needsMultipart && !isMultipart
  const received = await store(stage, upload, {
    name: isMultipart ? '' : dispositionName(request.headers.get('content-disposition')),
    pieces: isMultipart ? multipartPieces(request) : rawPieces(request),
    ...(broken && { breakAfter: Number(request.headers.get('content-length') ?? 2) / 2 }),
  })
  if (slow) await stage.sleep(slow.delayMs)
  if (wrongForm || received === undefined) return refused('4', 'BAD_REQUEST')
  if (refusal) return refused('4', refusal.code)
  if (!isMultipart && !rangeFits(request.headers.get('content-range'), received.sizeBytes)) {
    return refused('3', 'BAD_RANGE')
  }
  const fault = refusalOf(upload.kind, received)
  if (fault !== undefined) return refused('1', fault)
  Object.assign(upload, {
    ...received.looks,
    name: received.name,
    sizeBytes: received.sizeBytes,
    sha256: received.sha256,
    state: 'received',
    readyAt: stage.now() + Math.max(300, settings.readyDelayMs),
  })
  if (faults.take('never_ready', upload.ownerId)) upload.readyAt = Number.MAX_SAFE_INTEGER
  if (upload.kind === 'photo' || upload.kind === 'sticker') upload.readyAt = 0
  uploads.save(upload)
  stage.onReceived(upload)
  return accepted(upload)
}

interface Piece {
  /** Known with the first piece of a multipart upload. */
  name?: string
  chunk: Uint8Array
}

/** Writes the pieces down. `undefined` when no file was among them. */
const store = async (
  { blobs }: MediaStage,
  upload: Upload,
  input: { name: string; pieces: AsyncIterable<Piece>; breakAfter?: number },
) => {
  const writer = await blobs.write(String(upload.id))
  const hash = createHash('sha256')
  let { name } = input
  let sizeBytes = 0
  let head = new Uint8Array(0)
  let found = false
  try {
    for await (const piece of input.pieces) {
      found = true
      name = piece.name ?? name
      if (head.length < HEAD_BYTES) {
        head = Uint8Array.from([...head, ...piece.chunk.subarray(0, HEAD_BYTES - head.length)])
      }
      sizeBytes += piece.chunk.length
      if (sizeBytes > blobs.maxBytes) throw new TooLarge()
      if (input.breakAfter !== undefined && sizeBytes >= input.breakAfter) throw new LineCut()
      hash.update(piece.chunk)
      await writer.write(piece.chunk)
    }
    if (input.breakAfter !== undefined) throw new LineCut()
  } catch (error) {
    await writer.abort()
    if (error instanceof TooLarge) return undefined
    throw error
  }
  if (!found) {
    await writer.abort()
    return undefined
  }
  await writer.commit()
  return { name, sizeBytes, sha256: hash.digest('hex'), looks: lookAt(head) }
}

class TooLarge extends Error {}

async function* rawPieces(request: Request): AsyncIterable<Piece> {
  for await (const chunk of request.body ?? []) yield { chunk }
}

/** The part called `file`; others are read over. */
async function* multipartPieces(request: Request): AsyncIterable<Piece> {
  let waiting: Piece[] = []
  let failed = false
  const parser = createMultipart({
    headers: Object.fromEntries(request.headers),
    onField: () => {},
    onFile: ({ name, filename = '' }) => {
      if (name !== 'file') return () => {}
      waiting.push({ name: filename, chunk: new Uint8Array(0) })
      return (chunk) => chunk && waiting.push({ chunk })
    },
    onError: () => {
      failed = true
    },
    onDone: () => {},
  })
  for await (const chunk of request.body ?? []) {
    parser.write(chunk)
    const pieces = waiting
    waiting = []
    yield* pieces
  }
  parser.end()
  if (failed) throw new LineCut('the multipart body is malformed')
}

/** `attachment; filename=<percent-encoded>` */
const dispositionName = (header: string | null): string => {
  const encoded = /filename=([^;]+)/.exec(header ?? '')?.[1] ?? ''
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}

/** With or without the word `bytes`; the numbers must be those of the body (§4.2). */
const rangeFits = (header: string | null, sizeBytes: number): boolean => {
  const range = /^(?:bytes )?0-(\d+)\/(\d+)$/.exec(header ?? '')
  return Number(range?.[2]) === sizeBytes && Number(range?.[1]) === sizeBytes - 1
}

const answers: Record<UploadKind, (upload: Upload) => string> = {
  photo: ({ slotKey, token }) => JSON.stringify({ photos: { [slotKey]: { token } } }),
  sticker: ({ slotKey, token }) => JSON.stringify({ photos: { [slotKey]: { token } } }),
  video: () => '<retval>1</retval>',
  note: () => JSON.stringify({ thumbhash: 'HBkSHYSIeHiPiHh8eJd4eTN0EEQG' }),
  voice: () => '<retval>1</retval>',
  file: () => '{}',
}

const accepted = (upload: Upload): Response => new Response(answers[upload.kind](upload))

/** Most refusals come under status 200: a client must look at the body (§4.2). */
const refused = (code: string, data: string, status = 200): Response =>
  Response.json({ error_code: code, error_data: data }, { status })
