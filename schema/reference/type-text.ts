import type { Json } from '../openapi/json-schema.ts'

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : [])

/** The name at the end of a reference. */
export const nameOfRef = ($ref: unknown): string => String($ref).split('/').at(-1) ?? ''

/** A schema in a few words of Markdown, e.g. `string or integer`, `[Message](#message)[]`. */
export const typeText = (schema: Json): string => {
  if (schema.$ref !== undefined) {
    const name = nameOfRef(schema.$ref)
    return `[${name}](#${name.toLowerCase()})`
  }
  if (schema.const !== undefined) return code(schema.const)
  if (Array.isArray(schema.enum)) return schema.enum.map(code).join(', ')
  const choices = [...list(schema.anyOf), ...list(schema.oneOf)]
  if (choices.length > 0) return [...new Set(choices.map(typeText))].join(' or ')
  if (schema.allOf !== undefined) return list(schema.allOf).map(typeText).join(' and ')
  if (schema.type === 'array') {
    const items = typeText((schema.items ?? {}) as Json)
    return items.includes(' or ') || items.includes(', ') ? `(${items})[]` : `${items}[]`
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'any']
  return types.join(' or ') + limits(schema)
}

/** Bounds worth telling; the widest integers say nothing. */
const limits = (schema: Json): string => {
  const { minimum, maximum, minLength, maxLength } = schema
  const low = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum
  if (low !== undefined && high !== undefined) return `, ${low} to ${high}`
  if (low !== undefined) return `, from ${low}`
  if (high !== undefined) return `, up to ${high}`
  if (typeof maxLength === 'number') return `, ${minLength ?? 0} to ${maxLength} characters`
  return ''
}

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``

/** Text that may stand in a cell of a table. */
export const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
