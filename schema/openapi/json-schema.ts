import { z } from 'zod'

/** A JSON Schema (2020-12) or any other object of the document. */
export type Json = { [key: string]: unknown }
type Direction = 'input' | 'output'

const DEFS = '#/$defs/'
const COMPONENTS = '#/components/schemas/'

/**
 * The shared schemas of the document. Every zod type with a `.meta({ id })` becomes a component of
 * that name; a model that reads differently as input and as output becomes two.
 */
export class Schemas {
  readonly #schemas = new Map<string, Json>()
  /** Each component as zod rendered it, to tell the same model from another one of its name. */
  readonly #sources = new Map<string, string>()

  /** All components, in alphabetical order. */
  get components(): Json {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** The schema of a type in one direction; its named parts are references to components. */
  render(type: z.ZodType, io: Direction): Json {
    const {
      $schema: _,
      $defs,
      ...schema
    } = z.toJSONSchema(type, {
      io,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => tidy(zodSchema._zod.def.type, jsonSchema),
    }) as Json
    const defs = ($defs ?? {}) as Json
    const names = this.#namesFor(defs, io)
    const named = (value: unknown): unknown => renameRefs(value, names)
    for (const [name, definition] of Object.entries(defs)) {
      this.#schemas.set(names.get(name) ?? name, named(definition) as Json)
    }
    return named(schema) as Json
  }

  /** A component that no zod type stands for. */
  add(name: string, schema: Json): Json {
    this.#schemas.set(name, schema)
    return { $ref: COMPONENTS + name }
  }

  #namesFor(defs: Json, io: Direction): Map<string, string> {
    const sources = Object.entries(defs).map(([name, value]) => {
      if (name.startsWith('__')) throw new Error('a recursive type needs a name: .meta({ id })')
      return [name, JSON.stringify(value)] as const
    })
    const clashes = new Set<string>()
    // A model that contains a clashing one clashes too: go on until nothing is added.
    for (let before = -1; before !== clashes.size; ) {
      before = clashes.size
      for (const [name, source] of sources) {
        const known = this.#sources.get(name)
        const contains = [...clashes].some((other) => source.includes(`"${DEFS}${other}"`))
        if ((known !== undefined && known !== source) || contains) clashes.add(name)
      }
    }
    const names = new Map<string, string>()
    for (const [name, source] of sources) {
      const own = clashes.has(name) ? `${name}${io === 'input' ? 'Input' : 'Output'}` : name
      const known = this.#sources.get(own)
      if (known !== undefined && known !== source) throw new Error(`two models are called ${own}`)
      this.#sources.set(own, source)
      names.set(name, own)
    }
    return names
  }
}

/** Takes out what says nothing, and what would forbid us to add a field to an answer. */
const tidy = (type: string, schema: Json): void => {
  if (type === 'bigint') Object.assign(schema, { type: 'integer', format: 'int64' })
  if (type !== 'object') return
  const { additionalProperties: rest } = schema
  if (rest === false || (typeof rest === 'object' && Object.keys(rest ?? {}).length === 0)) {
    delete schema.additionalProperties
  }
}

const renameRefs = (value: unknown, names: ReadonlyMap<string, string>): unknown => {
  if (Array.isArray(value)) return value.map((item) => renameRefs(item, names))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      key === '$ref' && typeof item === 'string' && item.startsWith(DEFS)
        ? [key, COMPONENTS + (names.get(item.slice(DEFS.length)) ?? item.slice(DEFS.length))]
        : [key, renameRefs(item, names)],
    ),
  )
}
