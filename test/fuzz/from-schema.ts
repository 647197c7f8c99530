import fc from 'fast-check'
import type { z } from 'zod'

/** Values that a schema is meant to take, as JSON texts: numbers keep the digits that a double has not. */

type Text = fc.Arbitrary<string>
/** What of a schema's definition is looked at. */
interface Def {
  type: string
  innerType?: z.ZodType
  in?: z.ZodType
  element?: z.ZodType
  keyType?: z.ZodType
  valueType?: z.ZodType
  options?: z.ZodType[]
  entries?: Record<string, string>
  values?: unknown[]
  shape?: Record<string, z.ZodType>
}
/** What zod tells of bounds; `null` or an infinity where there is none. */
interface Bounds {
  minValue?: number | null
  maxValue?: number | null
  minLength?: number | null
  maxLength?: number | null
}

const takes = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success
const json = (value: unknown): string => JSON.stringify(value)

/** Ids of either form, large and small, of things that are there hardly ever. */
const idText: Text = fc.oneof(
  fc.constantFrom(
    '117309440008060929',
    '"117309440008060929"',
    '1',
    '"240000035"',
    '-70000000000123',
  ),
  fc.integer({ min: 1, max: 1_000_000_000 }).map(String),
  fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map((id) => `"${id}"`),
)

/** Texts that fields of all kinds take: what fits is found by asking the schema. */
const commonTexts = [
  'hello',
  'Привет 👋',
  '**bold** and `code`',
  '+79990000001',
  '79990000002',
  '123456',
  'https://127.0.0.1:9/hook',
  'https://max.ru/join/EXAMPLE',
  'All',
  '2027-01-01T00:00:00Z',
  'iVBORw0KGgoAAAANSUhEUgAAAyAAAAJY',
  'default',
  'msg_mu9ph3s1',
  'folder-1',
  '👍',
  'PUBLIC',
  'pinMessages',
  '1790000000000.id',
  'ru',
  '0',
  '',
]

const stringText = (schema: z.ZodType, bounds: Bounds): Text => {
  const minimum = bounds.minLength ?? 0
  const maximum = bounds.maxLength ?? 200
  const fitting = commonTexts.filter((text) => takes(schema, text))
  const free = fc
    .string({ unit: 'grapheme', minLength: minimum, maxLength: Math.min(maximum, minimum + 60) })
    .map(json)
  if (fitting.length === 0) return free
  const common = fc.constantFrom(...fitting).map(json)
  return takes(schema, 'free text §') ? fc.oneof(common, free) : common
}

const numberText = (schema: z.ZodType, { minValue, maxValue }: Bounds): Text => {
  const min = Math.max(minValue ?? -1_000, -(2 ** 53))
  const max = Math.min(maxValue ?? 2_000_000_000_000, 2 ** 53)
  const [low, high] = [Math.ceil(min), Math.floor(max)]
  const integer = fc.oneof(
    // Counts and sizes are small; moments are large.
    { weight: 3, arbitrary: fc.maxSafeInteger().map((each) => low + (Math.abs(each) % 100)) },
    { weight: 1, arbitrary: fc.constantFrom(low, high, 1_790_000_000_123) },
  )
  const whole = integer.map((value) => String(Math.min(high, Math.max(low, value))))
  const isInteger = !takes(schema, min <= 0.5 && max >= 0.5 ? 0.5 : low + 0.5)
  return isInteger ? whole : fc.oneof(whole, fc.double({ min, max, noNaN: true }).map(json))
}

/** A value of this schema as JSON, or something where its kind is not known. */
export const jsonOf = (schema: z.ZodType): Text => {
  const def = schema._zod.def as unknown as Def
  const bounds = schema as Bounds
  if (takes(schema, 117309440008060929n) && !takes(schema, 'x1')) return idText
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
    case 'readonly':
    case 'nonoptional':
      return jsonOf(def.innerType as z.ZodType)
    case 'pipe':
      return within(schema, jsonOf(def.in as z.ZodType))
    case 'string':
      return stringText(schema, bounds)
    case 'number':
    case 'int':
      return numberText(schema, bounds)
    case 'boolean':
      return fc.boolean().map(json)
    case 'literal':
      return fc.constantFrom(...(def.values ?? [])).map(json)
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries ?? {})).map(json)
    case 'union':
      return fc.oneof(...(def.options ?? []).map(jsonOf))
    case 'array': {
      const length = { minLength: takes(schema, []) ? 0 : 1, maxLength: 4 }
      return fc.array(jsonOf(def.element as z.ZodType), length).map((each) => `[${each.join()}]`)
    }
    case 'record':
      return fc
        .array(fc.tuple(fc.constantFrom('x-own', 'accept'), jsonOf(def.valueType as z.ZodType)), {
          maxLength: 2,
        })
        .map((entries) => `{${entries.map(([key, value]) => `${json(key)}:${value}`).join()}}`)
    case 'object':
      return fieldsOf(def.shape ?? {}).map(
        (fields) => `{${[...fields].map(([key, value]) => `${json(key)}:${value}`).join()}}`,
      )
    default:
      return fc.constantFrom('1', '"text"', 'null')
  }
}

/** Of a value that is read further, what its reader takes, where it is found soon. */
const within = (schema: z.ZodType, text: Text): Text => {
  const fitting = commonTexts.filter((each) => takes(schema, each)).map(json)
  return fitting.length === 0
    ? text
    : fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...fitting) },
        { weight: 1, arbitrary: text },
      )
}

/** Fields of an object as JSON texts by name: all that it needs, and some of the others. */
export const fieldsOf = (shape: Record<string, z.ZodType>): fc.Arbitrary<Map<string, string>> => {
  const entries = Object.entries(shape).map(([name, schema]) => {
    const value = jsonOf(schema).map((text): [string, string][] => [[name, text]])
    if (!takes(schema, undefined)) return value
    return fc.oneof(
      { weight: 2, arbitrary: fc.constant<[string, string][]>([]) },
      { weight: 1, arbitrary: value },
    )
  })
  return entries.length === 0
    ? fc.constant(new Map())
    : fc.tuple(...entries).map((fields) => new Map(fields.flat()))
}
