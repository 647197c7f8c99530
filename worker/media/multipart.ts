import { make as createParser } from 'multipasta'
import { GatewayError } from '../../schema/errors.ts'
import type { Flow } from './flow.ts'

/** A field of a form, or a file that has to be read before the next part comes. */
export type Part =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; fileName: string; flow: Flow }

const MAX_PARTS = 100
const MAX_FIELD_BYTES = 64 * 1024

type Step =
  | { open: { name: string; fileName: string } }
  | { chunk: Uint8Array }
  | { close: true }
  | Part

/**
 * The parts of a `multipart/form-data` body in the order they come, without ever holding a file.
 * @throws {GatewayError} INVALID_INPUT when the body is malformed
 */
export async function* readParts(body: Flow, contentType: string): AsyncGenerator<Part> {
  const steps: Step[] = []
  let fault: string | undefined
  let isDone = false
  const parser = createParser({
    headers: { 'content-type': contentType },
    maxParts: MAX_PARTS,
    maxFieldSize: MAX_FIELD_BYTES,
    isFile: ({ headers, contentType: type }) =>
      nameOf(headers).fileName !== undefined || type === 'application/octet-stream',
    onField: ({ headers }, value) => {
      const { name } = nameOf(headers)
      steps.push({ kind: 'field', name, value: new TextDecoder().decode(value) })
    },
    onFile: ({ headers }) => {
      const { name, fileName = '' } = nameOf(headers)
      steps.push({ open: { name, fileName } })
      return (chunk) => void steps.push(chunk === null ? { close: true } : { chunk })
    },
    onError: (error) => {
      fault ??= error._tag === 'ReachedLimit' ? `too much (${error.limit})` : error._tag
    },
    onDone: () => {
      isDone = true
    },
  })

  /** The next thing that happens in the body; `undefined` at its end. */
  const next = async (): Promise<Step | undefined> => {
    while (steps.length === 0 && fault === undefined) {
      const piece = await body.pull()
      if (piece === undefined) {
        if (!isDone) fault = 'it ends too soon'
        break
      }
      // The parser hands out views of what it gets.
      parser.write(piece)
    }
    if (fault !== undefined) throw malformed(fault)
    return steps.shift()
  }

  for (let step = await next(); step !== undefined; step = await next()) {
    if ('kind' in step) yield step
    else if ('open' in step) {
      let isOpen = true
      const pull = async (): Promise<Uint8Array | undefined> => {
        const chunk = isOpen ? await next() : undefined
        isOpen = chunk !== undefined && 'chunk' in chunk
        return chunk !== undefined && 'chunk' in chunk ? chunk.chunk : undefined
      }
      yield { kind: 'file', ...step.open, flow: { pull, cancel: async () => {} } }
      // What the reader left is read over.
      while (isOpen) await pull()
    }
  }
}

/**
 * The names in a part's `Content-Disposition`. Read here because the parser knows Latin letters only,
 * while browsers and curl write the name in UTF-8 as it is.
 */
const nameOf = (
  headers: Record<string, string | string[]>,
): { name: string; fileName?: string } => {
  const header = String(headers['content-disposition'] ?? '')
  const name = parameter(header, 'name')
  const fileName = encodedParameter(header) ?? parameter(header, 'filename')
  return { name: name ?? '', ...(fileName !== undefined && { fileName }) }
}

const parameter = (header: string, name: string): string | undefined => {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(header)
  const quoted = match?.[1]
  if (quoted === undefined) return match?.[2]
  // Browsers write a quote as %22, curl as \".
  return quoted.replace(/\\(["\\])/g, '$1').replaceAll('%22', '"')
}

/** RFC 5987: `filename*=UTF-8''…` */
export const encodedParameter = (header: string): string | undefined => {
  const encoded = /;\s*filename\*=utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1]
  return encoded === undefined ? undefined : percentDecoded(encoded)
}

export const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const malformed = (why: string): GatewayError =>
  new GatewayError('INVALID_INPUT', `The multipart body cannot be read: ${why}`)
