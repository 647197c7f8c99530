import { GatewayError } from '../../schema/errors.ts'
import type { Operation } from '../../schema/operations/index.ts'
import { type InputCollector, inputCollector } from '../input.ts'
import type { ByteBudget } from './budget.ts'
import { type Flow, flowOf } from './flow.ts'
import { readJsonBody } from './json-body.ts'
import { encodedParameter, percentDecoded, readParts } from './multipart.ts'
import { type Source, sourceOfStream } from './source.ts'
import { type SpoolDeps, spool } from './spool.ts'

/** A request to send media, read as far as its form tells. */
export interface MediaBody {
  input: Record<string, unknown>
  /** Files of the body itself. */
  files: Source[]
  /** The bytes behind a field's value, when the value was too long to be a string. */
  long(value: unknown): Uint8Array | undefined
  /** Frees what the body still holds. */
  release(): Promise<void>
}

export interface ReadDeps extends SpoolDeps {
  budget: ByteBudget
}

/** Largest file that a form may carry: what MAX takes at all. */
const MAX_FILE_BYTES = 4_294_967_296
const MAX_FILES = 10

/** Makes the reader of a row that takes media in any of the three forms. */
export const mediaReader = (row: Operation) => {
  const collect = inputCollector(row)
  return async (deps: ReadDeps, request: Request): Promise<MediaBody> => {
    const fields = collect()
    fields.query(request.url)
    const type = (request.headers.get('content-type') ?? '').trim().toLowerCase()
    if (type.startsWith('multipart/form-data')) return readForm(deps, request, fields)
    if (request.body === null || isJson(type)) return readJson(deps, request, fields)
    const name = fileNameOf(request.headers)
    const length = request.headers.get('content-length')
    const source = sourceOfStream(request.body, {
      sizeBytes: length === null ? undefined : Number(length),
      name,
    })
    return {
      input: fields.parse(),
      files: [source],
      long: () => undefined,
      release: async () => {},
    }
  }
}

/** Clients have always sent JSON under these types, or under none. */
const isJson = (type: string): boolean =>
  /^($|application\/(json|x-www-form-urlencoded)|text\/plain|[^;]*\+json)/.test(type)

const readJson = async (
  { budget }: ReadDeps,
  request: Request,
  fields: InputCollector,
): Promise<MediaBody> => {
  const { fields: body, long, release } = await readJsonBody(request, budget)
  try {
    fields.body(body)
    return { input: fields.parse(), files: [], long, release: async () => release() }
  } catch (error) {
    release()
    throw error
  }
}

/** Files may stand before or behind the fields: each is put aside as it comes. */
const readForm = async (
  deps: ReadDeps,
  request: Request,
  fields: InputCollector,
): Promise<MediaBody> => {
  const files: Source[] = []
  const release = async (): Promise<void> => {
    await Promise.all(files.map((file) => file.release()))
  }
  try {
    const body: Flow = flowOf(request.body ?? new ReadableStream())
    const texts = new Map<string, string[]>()
    for await (const part of readParts(body, request.headers.get('content-type') ?? '')) {
      if (part.kind === 'field') {
        texts.set(part.name, [...(texts.get(part.name) ?? []), part.value])
        continue
      }
      if (files.length === MAX_FILES) {
        throw new GatewayError('INVALID_INPUT', `expected at most ${MAX_FILES} files`)
      }
      const name = part.fileName === '' ? undefined : part.fileName
      files.push(await spool(deps, part.flow, { name, maxBytes: MAX_FILE_BYTES }))
    }
    for (const [name, values] of texts) fields.text(name, values)
    return { input: fields.parse(), files, long: () => undefined, release }
  } catch (error) {
    await release()
    throw error
  }
}

/** `X-File-Name`, or the names of `Content-Disposition`; percent-encoded where not Latin. */
const fileNameOf = (headers: Headers): string | undefined => {
  const given = headers.get('x-file-name')
  if (given !== null) return percentDecoded(given)
  const disposition = headers.get('content-disposition') ?? ''
  const encoded = encodedParameter(`;${disposition}`)
  if (encoded !== undefined) return encoded
  const plain = /filename="?([^";]+)"?/i.exec(disposition)?.[1]
  return plain === undefined ? undefined : percentDecoded(plain)
}
