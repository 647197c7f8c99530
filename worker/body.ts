import { GatewayError } from '../schema/errors.ts'
import { parseJson } from '../schema/json.ts'
import { jsonFaultPosition } from './json-position.ts'

/** Largest JSON body. */
export const MAX_BODY_BYTES = 1024 * 1024

/**
 * The body as an object; `{}` when there is none. `Content-Type` is not looked at: clients of this
 * API have always sent what they liked.
 */
export const readBody = async (request: Request): Promise<object> => {
  if (request.body === null) return {}
  return parseBody(await readBytes(request))
}

/** A body that has arrived, as an object. */
export const parseBody = (bytes: Uint8Array): object => {
  const text = decode(bytes)
  if (text.trim() === '') return {}
  const body = parse(text)
  if (body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new GatewayError('INVALID_INPUT', 'The body must be a JSON object')
  }
  return body
}

const tooLarge = (): GatewayError =>
  new GatewayError('BODY_TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes`)

/** A length that was announced is checked first; what really comes is counted all the same. */
const readBytes = async (request: Request): Promise<Uint8Array> => {
  const announced = request.headers.get('content-length')
  if (announced === null) return readCounting(request.body)
  if (Number(announced) > MAX_BODY_BYTES) throw tooLarge()
  const bytes = new Uint8Array(await arrived(request.arrayBuffer()))
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge()
  return bytes
}

/** A body that breaks off is the caller's doing. */
const arrived = async <T>(body: Promise<T>): Promise<T> => {
  try {
    return await body
  } catch {
    throw new GatewayError('INVALID_INPUT', 'The body did not arrive whole')
  }
}

const readCounting = async (body: Request['body']): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    // Leaving the loop cancels the stream.
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

const decode = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new GatewayError('INVALID_JSON', 'The body is not valid UTF-8')
  }
}

const parse = (text: string): unknown => {
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof RangeError) {
      throw new GatewayError('INVALID_INPUT', 'The body is nested too deeply')
    }
    // The engine's message quotes the body, which may hold a password: it is not passed on.
    const position = jsonFaultPosition(text)
    const lines = text.slice(0, position).split('\n')
    const column = (lines.at(-1)?.length ?? 0) + 1
    throw new GatewayError(
      'INVALID_JSON',
      `The body is not valid JSON at position ${position} (line ${lines.length}, column ${column})`,
      { details: { position } },
    )
  }
}
