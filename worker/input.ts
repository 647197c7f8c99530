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

/**
 * Makes the reader of an operation's input: path, query and body in one object, where the path
 * wins over the body and the body over the query. Fields the operation does not know are dropped.
 */
export const inputReader = (row: Operation): ReadInput => {
  const names = new Map(Object.keys(row.input.shape).map((name) => [name.toLowerCase(), name]))
  const fields = new Map(Object.entries(row.input.shape).map(([name, type]) => [name, field(type)]))

  const addText = (into: Record<string, unknown>, name: string, values: string[]): void => {
    const type = fields.get(name)
    if (type !== undefined) into[name] = fromText(type.schema, values)
  }
  /** Names match without regard to case, as the original's did; an exact match wins. */
  const addBody = (into: Record<string, unknown>, body: object): void => {
    for (const [given, value] of Object.entries(body)) {
      const name = names.get(given.toLowerCase())
      if (name === undefined || (name !== given && Object.hasOwn(body, name))) continue
      if (value !== null || fields.get(name)?.nullIsAbsent !== true) into[name] = value
    }
  }

  return async (request, path) => {
    const raw: Record<string, unknown> = {}
    if (request.url.includes('?')) {
      const query = new URL(request.url).searchParams
      for (const name of new Set(query.keys())) addText(raw, name, query.getAll(name))
    }
    if (row.method !== 'GET') addBody(raw, await readBody(request))
    for (const [name, value] of Object.entries(path)) addText(raw, name, [value])
    const parsed = row.input.safeParse(raw)
    if (!parsed.success) throw invalid(parsed.error)
    return parsed.data
  }
}

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

const invalid = (error: z.ZodError): GatewayError => {
  const issue = error.issues[0]
  if (issue === undefined) return new GatewayError('INVALID_INPUT')
  const path = issue.path.join('.')
  const text = `${path}: ${explain(issue)}`
  return new GatewayError('INVALID_INPUT', path === '' ? explain(issue) : text, {
    ...(path === '' ? {} : { field: path }),
  })
}

/** What is wrong, for a person; a union tells what each of its members expected. */
const explain = (issue: z.core.$ZodIssue): string => {
  const nested = issue.code === 'invalid_union' ? issue.errors.flat() : []
  const texts = nested.length > 0 && issue.message === 'Invalid input' ? nested : [issue]
  return [...new Set(texts.map((each) => each.message.replace('Invalid input: ', '')))].join(
    ', or ',
  )
}
