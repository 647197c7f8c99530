import { GatewayError } from '../../schema/errors.ts'
import { parseBody } from '../body.ts'
import type { ByteBudget } from './budget.ts'
import { concat } from './flow.ts'

/** 16 MiB of content in base64, and room for the fields around it. */
export const MAX_JSON_BYTES = 23 * 1024 * 1024
/** No field but content is as long as this. */
const LONG_STRING = 64 * 1024
/** Stands behind the mark of a string, so that a field which takes no such length refuses it. */
const PADDING = new Uint8Array(LONG_STRING).fill(0x78)

/** A JSON body whose long strings are left as bytes. */
export interface JsonBody {
  fields: object
  /** The bytes behind a field's value, when it was a long string. */
  long(value: unknown): Uint8Array | undefined
  /** Nobody needs the bytes any more. */
  release(): void
}

/**
 * Reads a JSON body that may hold files in base64. They stay where they arrived, in the one buffer of
 * the body: turned into strings they would take several times their size.
 */
export const readJsonBody = async (request: Request, budget: ByteBudget): Promise<JsonBody> => {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN)
  if (announced > MAX_JSON_BYTES) throw tooLarge()
  // Without a length the pieces are there beside the whole for a moment.
  const release = await budget.take(Number.isNaN(announced) ? 2 * MAX_JSON_BYTES : announced)
  try {
    const body = await readAll(request, announced)
    const { json, strings, mark } = takeOut(body)
    return {
      fields: parseBody(json),
      long: (value) =>
        typeof value === 'string' && value.startsWith(mark)
          ? strings[Number(value.slice(mark.length, value.indexOf(END, mark.length)))]
          : undefined,
      release,
    }
  } catch (error) {
    release()
    throw error
  }
}

const readAll = async (request: Request, announced: number): Promise<Uint8Array> => {
  const whole = Number.isNaN(announced) ? undefined : new Uint8Array(announced)
  const pieces: Uint8Array[] = []
  let size = 0
  let filled = 0
  try {
    for await (const piece of request.body ?? []) {
      size += piece.length
      if (size > MAX_JSON_BYTES) throw tooLarge()
      // A length that lies is caught here: what is behind it does not fit.
      if (whole !== undefined && size <= whole.length) {
        whole.set(piece, filled)
        filled = size
      } else pieces.push(piece)
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw new GatewayError('INVALID_INPUT', 'The body did not arrive whole', { cause: error })
  }
  if (whole === undefined) return concat(pieces)
  const front = whole.subarray(0, filled)
  return pieces.length > 0 ? concat([front, ...pieces]) : front
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Ends the number of a string in its mark. */
const END = ';'

/** The text without its long strings; each is replaced by a mark, its number and a padding. */
const takeOut = (body: Uint8Array) => {
  const mark = `${crypto.randomUUID()} `
  const encoder = new TextEncoder()
  const strings: Uint8Array[] = []
  const pieces: Uint8Array[] = []
  let from = 0
  for (let at = body.indexOf(QUOTE); at >= 0; ) {
    const end = endOfString(body, at)
    if (end < 0) break
    if (end - at > LONG_STRING) {
      const name = encoder.encode(`${mark}${strings.length}${END}`)
      pieces.push(body.subarray(from, at + 1), name, PADDING)
      strings.push(body.subarray(at + 1, end))
      from = end
    }
    at = body.indexOf(QUOTE, end + 1)
  }
  pieces.push(body.subarray(from))
  return { json: concat(pieces), strings, mark }
}

/** The quote that closes the string which begins at `start`; -1 when none does. */
const endOfString = (body: Uint8Array, start: number): number => {
  for (let at = body.indexOf(QUOTE, start + 1); at >= 0; at = body.indexOf(QUOTE, at + 1)) {
    let slashes = 0
    while (body[at - 1 - slashes] === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return at
  }
  return -1
}

const tooLarge = (): GatewayError =>
  new GatewayError(
    'BODY_TOO_LARGE',
    'A file in base64 may have 16 MiB. Send larger ones as multipart/form-data, as the raw body, or by URL',
  )
