import fc from 'fast-check'

/** JSON texts that make trouble where somebody forgot to look. */
const scalars = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '-0',
  '1.5',
  '1e308',
  '-1e308',
  '1e-7',
  '9007199254740993',
  '-9007199254740993',
  '117309440008060929',
  '9223372036854775807',
  '9223372036854775808',
  '123456789012345678901234567890',
  '""',
  '" "',
  '"0"',
  '"-5"',
  '"1e5"',
  '"null"',
  '"NaN"',
  '"117309440008060929"',
  '"9223372036854775808"',
  '"\\u0000"',
  '"\\ud83d"',
  '"👩‍👩‍👧‍👦"',
  '"<b>*_[x](javascript:1)`"',
  '"https://127.0.0.1/"',
  '"file:///etc/passwd"',
  '"data:;base64,"',
  '"data:text/plain;base64,%%%"',
  '"__proto__"',
  '"constructor"',
  '"1970-01-01T00:00:00Z"',
  '"+79990000001"',
  '"+7999000000199999999"',
  '[]',
  '{}',
  '[null]',
  '[[]]',
  '[0,0]',
  '["a","a"]',
  '[{}]',
  '{"__proto__":{"x":1}}',
  '{"":""}',
  '{"toJSON":1}',
]

/** A JSON value as text, so that numbers keep the digits that a double has not. */
export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...scalars) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 2, max: 400 })
      .map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  },
  { weight: 1, arbitrary: fc.constantFrom(4_001, 70_000).map((size) => `"${'я'.repeat(size)}"`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(101, 2_000).map((count) => `[${Array(count).fill('1').join()}]`),
  },
)

/** What is done to one field of a good body. */
type Change = { field: number; value: string } | { field: number; drop: true }

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ field: fc.nat(20), value: hostileJson }) },
  { weight: 1, arbitrary: fc.record({ field: fc.nat(20), drop: fc.constant(true as const) }) },
)

/** Nobody was at it. */
export const unspoiled: Spoiling = { changes: [] }

export interface Spoiling {
  changes: Change[]
  /** A name that no row has, or one that others must not be mistaken for. */
  extra?: { name: string; value: string } | undefined
  /** Characters that are cut out of the finished text. */
  cut?: { at: number; length: number } | undefined
}

export const spoiling: fc.Arbitrary<Spoiling> = fc.record({
  changes: fc.array(change, { maxLength: 3 }),
  extra: fc.option(
    fc.record({
      name: fc.constantFrom('__proto__', 'constructor', 'token', 'toString', '', 'TEXT', 'chatid'),
      value: hostileJson,
    }),
    { nil: undefined, freq: 4 },
  ),
  cut: fc.option(fc.record({ at: fc.nat(300), length: fc.integer({ min: 1, max: 4 }) }), {
    nil: undefined,
    freq: 12,
  }),
})

/** The fields of a good request, as JSON texts by name, after somebody was at them. */
const spoilFields = (
  fields: readonly string[],
  good: ReadonlyMap<string, string>,
  { changes, extra }: Spoiling,
): Map<string, string> => {
  const texts = new Map(good)
  for (const each of changes) {
    const name = fields[each.field % Math.max(1, fields.length)]
    if (name === undefined) continue
    if ('drop' in each) texts.delete(name)
    else texts.set(name, each.value)
  }
  if (extra) texts.set(extra.name, extra.value)
  return texts
}

/** As a query; what is text loses its quotes. */
export const spoilQuery = (...given: Parameters<typeof spoilFields>): string => {
  const query = new URLSearchParams()
  for (const [name, value] of spoilFields(...given)) {
    query.append(name, value.slice(0, 500).replace(/^"(.*)"$/s, '$1'))
  }
  return query.toString()
}

/** As a body. */
export const spoilBody = (...given: Parameters<typeof spoilFields>): string => {
  const texts = spoilFields(...given)
  const { cut } = given[2]
  const text = `{${[...texts].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`
  return cut === undefined
    ? text
    : text.slice(0, cut.at) + text.slice(cut.at + Math.min(cut.length, text.length))
}
