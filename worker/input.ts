import type { z } from 'zod'
import { GatewayError } from '../schema/errors.ts'
import { parseJson } from '../schema/json.ts'
import type { Operation } from '../schema/operations/index.ts'
import { readBody } from './body.ts'

/** Parsed input of one request, or an INVALID_INPUT that names the field. */
export type ReadInput = (
  request: Request,
  path: Record<string, string>,
) => Promise<Record<string, unknown>>

/** Puts together the fields of one request. */
export interface InputCollector {
  query(url: string): void
  /** A body's fields as they are; names match without regard to case and underscores. */
  body(body: object): void
  /** A value that came as text, read as its field wants it. */
  text(name: string, values: string[]): void
  /** @throws {GatewayError} INVALID_INPUT */
  parse(): Record<string, unknown>
}

/**
 * Makes the reader of an operation's input: path, query and body in one object, where the path
 * wins over the body and the body over the query. Fields the operation does not know are dropped.
 */
export const inputReader = (row: Operation): ReadInput => {
  const collect = inputCollector(row)
  return async (request, path) => {
    const fields = collect()
    fields.query(request.url)
    if (row.method !== 'GET') fields.body(await readBody(request))
    for (const [name, value] of Object.entries(path)) fields.text(name, [value])
    return fields.parse()
  }
}

export const inputCollector = (row: Operation): (() => InputCollector) => {
  const names = new Map(Object.keys(row.input.shape).map((name) => [plainName(name), name]))
  const fields = new Map(Object.entries(row.input.shape).map(([name, type]) => [name, field(type)]))

  return () => {
    const raw: Record<string, unknown> = {}
    const text: InputCollector['text'] = (name, values) => {
      const type = fields.get(name)
      if (type !== undefined) raw[name] = fromText(type.schema, values)
    }
    return {
      text,
      query: (url) => {
        if (!url.includes('?')) return
        const query = new URL(url).searchParams
        for (const name of new Set(query.keys())) text(name, query.getAll(name))
      },
      /** Names match at least as the original's did; an exact match wins. */
      body: (body) => {
        for (const [given, value] of Object.entries(body)) {
          const name = names.get(plainName(given))
          if (name === undefined || (name !== given && Object.hasOwn(body, name))) continue
          if (value !== null || fields.get(name)?.nullIsAbsent !== true) raw[name] = value
        }
      },
      parse: () => {
        const parsed = row.input.safeParse(raw)
        if (!parsed.success) throw invalid(parsed.error, raw)
        return parsed.data
      },
    }
  }
}

/** `accessKey`, `access_key` and `AccessKey` mean the same field. */
export const plainName = (name: string): string => name.toLowerCase().replaceAll('_', '')

interface Field {
  schema: z.ZodType
  /** `null` in the body means "not given", unless the operation knows a `null` of its own. */
  nullIsAbsent: boolean
}

const field = (type: unknown): Field => {
  const schema = type as z.ZodType
  return {
    schema,
    nullIsAbsent: schema.safeParse(undefined).success && !schema.safeParse(null).success,
  }
}

/** The first reading of a path or query value that its field accepts; the text when none does. */
const fromText = (schema: z.ZodType, values: string[]): unknown => {
  if (values.length > 1) return values
  const text = values[0] ?? ''
  const readings: unknown[] = [text]
  if (text === 'true' || text === 'false') readings.push(text === 'true')
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) readings.push(parseJson(text))
  return readings.find((reading) => schema.safeParse(reading).success) ?? text
}

const invalid = (error: z.ZodError, raw: Record<string, unknown>): GatewayError => {
  const issue = error.issues[0]
  const field = issue?.path.join('.') ?? ''
  if (issue === undefined || field === '') return new GatewayError('INVALID_INPUT')
  const missing = issue.path.length === 1 && !Object.hasOwn(raw, field)
  const text = missing ? `${field} is required` : `${field}: ${explain(issue)}`
  return new GatewayError('INVALID_INPUT', text, { field })
}

/** What is wrong, for a person; for a union, what each of its members expected. */
const explain = (issue: z.core.$ZodIssue): string => {
  const members = issue.code === 'invalid_union' ? issue.errors.flat() : []
  // A union with a message of its own says it better than its members.
  if (members.length === 0 || issue.message !== 'Invalid input') return plain(issue.message)
  const texts = members.map((each) => plain(each.message).replace(/, received \w+$/, ''))
  return [...new Set(texts)].join(' or ').replaceAll(' or expected ', ' or ')
}

/** Without the words that zod puts before what it has to say. */
const plain = (message: string): string => message.replace(/^(Invalid|Too) \w+: /, '')
