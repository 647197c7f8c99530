import type { z } from 'zod'
import { stringifyWireJson } from '../../schema/json.ts'
import { placeOf } from '../../schema/openapi/operations.ts'
import { type Operation, type OperationName, operations } from '../../schema/operations/index.ts'
import { type ContentKind, content } from '../support/content.ts'

/** Requests of any row, made from its schema and its example: what the generated tests send. */

export interface NamedRow {
  name: OperationName
  row: Operation
}
export const rows: NamedRow[] = (Object.entries(operations) as [OperationName, Operation][]).map(
  ([name, row]) => ({ name, row }),
)

export type Fields = Record<string, unknown>
export const shapeOf = (row: Operation) => row.input.shape as Record<string, z.ZodType>
export const takes = (type: z.ZodType | undefined, value: unknown): boolean =>
  type?.safeParse(value).success === true

/** A path parameter that no test names. */
const ANY_ID = 'some-id'

/** Where a test writes a field: the query is for requests that have no body. */
export const isInBody = (row: Operation, field: string): boolean =>
  row.method !== 'GET' && placeOf(row, field) !== 'path'

export interface BuiltRequest {
  method: Operation['method']
  path: string
  /** JSON in which a bigint is bare digits. */
  body?: string
}

/** The request that carries these fields, each where the row has it. */
export const requestOf = (row: Operation, fields: Fields): BuiltRequest => {
  const { method } = row
  const text = (value: unknown): string =>
    typeof value === 'object' ? stringifyWireJson(value) : String(value)
  const bare = row.path.replace(/:(\w+)/g, (_all, name) =>
    encodeURIComponent(text(fields[name] ?? ANY_ID)),
  )
  const rest = Object.entries(fields).filter(([name]) => placeOf(row, name) !== 'path')
  if (method !== 'GET') {
    return { method, path: bare, body: stringifyWireJson(Object.fromEntries(rest)) }
  }
  const query = new URLSearchParams()
  for (const [name, value] of rest) {
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, text(each))
  }
  return { method, path: rest.length === 0 ? bare : `${bare}?${query}` }
}

/** What is sent where a row wants a file, in base64: no test fetches anything. */
export const sampleFile = (kind: ContentKind): string =>
  Buffer.from(content(kind, 300)).toString('base64')
const kinds: Record<string, ContentKind> = {
  image: 'png',
  media: 'png',
  video: 'mp4',
  videonote: 'mp4',
  audio: 'ogg',
  voice: 'ogg',
}
const sampleOf = (field: string): string => sampleFile(kinds[field] ?? 'bytes')

/** The row's example; where it names a file on the web, the bytes of a small one instead. */
export const exampleFields = (row: Operation): Fields =>
  row.media !== 'in'
    ? row.example.input
    : Object.fromEntries(
        Object.entries(row.example.input).map(([name, value]) => [name, withoutWeb(name, value)]),
      )

const withoutWeb = (name: string, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((each) => withoutWeb(name, each))
  if (typeof value === 'string') return /^https?:/.test(value) ? sampleOf(name) : value
  if (typeof value !== 'object' || value === null) return value
  const { url, ...rest } = value as Fields
  return url === undefined ? rest : { ...rest, data: sampleOf(name) }
}

/** The least of the example that makes a good request together with one field's value. */
export const besides = (row: Operation, field: string, value: unknown): Fields => {
  const shape = shapeOf(row)
  const all = Object.entries(exampleFields(row)).filter(([name]) => name !== field)
  const required = Object.fromEntries(all.filter(([name]) => !takes(shape[name], undefined)))
  return takes(row.input, { ...required, [field]: value }) ? required : Object.fromEntries(all)
}

/** 18 digits, beyond 2^53: what a double rounds. */
export const LARGE = '117309440008060929'

export interface IdField {
  field: string
  isList: boolean
}
/** Fields that are ids: they take 18 digits as a number of any size and as text, and no other text. */
export const idFields = (row: Operation): IdField[] =>
  Object.entries(shapeOf(row)).flatMap(([field, type]): IdField[] => {
    const isId = (wrap: (value: unknown) => unknown) =>
      takes(type, wrap(BigInt(LARGE))) && takes(type, wrap(LARGE)) && !takes(type, wrap('x1'))
    if (isId((value) => value)) return [{ field, isList: false }]
    return isId((value) => [value]) ? [{ field, isList: true }] : []
  })
