import { GatewayError } from '../../schema/errors.ts'
import { mediaRules } from '../../schema/media.ts'
import type { MediaSlot, Uploaded } from '../../schema/media-steps.ts'
import type { Content } from './content.ts'
import { type Flow, fixedLength, pour } from './flow.ts'
import type { MaxFetch } from './max-http.ts'

/** MAX's answer to an upload is short; what is longer is none. */
const MAX_ANSWER_CHARS = 16_384

/**
 * Uploads a file to its slot by MAX's rules (operations-and-events.md §4.2).
 * @throws {GatewayError} MAX_REFUSED when MAX does not want the file, TRANSFER_FAILED when the upload
 *   broke off, SOURCE_FAILED when the file did
 */
export const uploadTo = async (
  fetch: MaxFetch,
  slot: MediaSlot,
  content: Content,
  flow: Flow,
  { asForm }: { asForm: boolean },
): Promise<Uploaded> => {
  const body = asForm ? formBody(content) : rawBody(content)
  const { readable, writable } = fixedLength(body.length)
  const pouring = pour(wrapped(body, flow), writable, body.length, (got) => wrongSize(content, got))
  // Of two failures the flow's own is the cause; the request only notices it.
  let fault: unknown
  pouring.catch((error: unknown) => {
    fault = error
  })
  let response: Response
  try {
    response = await fetch(slot.url, {
      method: 'POST',
      headers: body.headers,
      body: readable,
      duplex: 'half',
    } as RequestInit)
  } catch (error) {
    await flow.cancel()
    await pouring.catch(() => {})
    throw fault instanceof GatewayError ? fault : broken(error)
  }
  const answer = await readAnswer(response)
  if (fault instanceof GatewayError) throw fault
  return uploaded(content, slot, answer)
}

interface Body {
  headers: Record<string, string>
  before: Uint8Array
  after: Uint8Array
  length: number
}

const encoder = new TextEncoder()

/** One part called `file`. */
const formBody = ({ mimeType, sizeBytes }: Content): Body => {
  const boundary = `----maxapi${crypto.randomUUID().replaceAll('-', '')}`
  const extension = mimeType.split('/')[1] ?? 'jpeg'
  const before = encoder.encode(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="image.${extension}"\r\n` +
      `Content-Type: ${mimeType}\r\n\r\n`,
  )
  const after = encoder.encode(`\r\n--${boundary}--\r\n`)
  return {
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
    before,
    after,
    length: before.length + sizeBytes + after.length,
  }
}

const rawBody = ({ kind, name, mimeType, sizeBytes }: Content): Body => {
  const { http } = mediaRules[kind]
  const range = `${http.form ? '' : http.range}0-${sizeBytes - 1}/${sizeBytes}`
  const none = new Uint8Array(0)
  return {
    headers: {
      'Content-Type': mimeType,
      'Content-Disposition': `attachment; filename=${encodeURIComponent(name)}`,
      'Content-Range': range,
    },
    before: none,
    after: none,
    length: sizeBytes,
  }
}

const wrapped = ({ before, after }: Body, flow: Flow): Flow => {
  let part: 'before' | 'flow' | 'after' | 'end' = 'before'
  return {
    pull: async () => {
      if (part === 'before') {
        part = 'flow'
        if (before.length > 0) return before
      }
      const piece = part === 'flow' ? await flow.pull() : undefined
      if (piece !== undefined) return piece
      const isEnd = part === 'end' || after.length === 0
      part = 'end'
      return isEnd ? undefined : after
    },
    cancel: flow.cancel,
  }
}

const wrongSize = ({ sizeBytes }: Content, got: number): GatewayError => {
  const text = `it said ${sizeBytes} bytes and has ${got < sizeBytes ? 'fewer' : 'more'}`
  return new GatewayError('SOURCE_FAILED', `The file could not be read: ${text}`)
}

const readAnswer = async (response: Response): Promise<Record<string, unknown>> => {
  let text: string
  try {
    text = (await response.text()).slice(0, MAX_ANSWER_CHARS)
  } catch (error) {
    throw broken(error)
  }
  const { status } = response
  if (status >= 500 || status === 408 || status === 410 || status === 429) {
    throw broken(undefined, status)
  }
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    // XML, or nothing at all: the status tells.
  }
  const fields =
    typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
  // A refusal may well come under status 200.
  const code = fields.error_data ?? fields.error_code
  if (code !== undefined && code !== null) {
    throw new GatewayError('MAX_REFUSED', `MAX does not take the file: ${String(code)}`, {
      maxError: { code: String(code) },
    })
  }
  if (status !== 200) throw broken(undefined, status)
  return fields
}

const broken = (cause: unknown, status?: number): GatewayError =>
  new GatewayError('TRANSFER_FAILED', undefined, {
    cause,
    ...(status !== undefined && { details: { status } }),
  })

const uploaded = (
  { kind }: Content,
  { slotKey = '', id, token }: MediaSlot,
  answer: Record<string, unknown>,
): Uploaded => {
  if (kind !== 'image') {
    const { thumbhash } = answer
    return {
      kind,
      ...(id !== undefined && { id }),
      ...(token !== undefined && { token }),
      ...(typeof thumbhash === 'string' && { thumbhash }),
    }
  }
  const photos = (answer.photos ?? {}) as Record<string, { token?: unknown } | undefined>
  const photo = photos[slotKey] ?? Object.values(photos)[0]
  if (typeof photo?.token !== 'string') {
    throw new GatewayError('BAD_UPSTREAM', 'MAX took the photo and gave no token for it')
  }
  return { kind, token: photo.token }
}
