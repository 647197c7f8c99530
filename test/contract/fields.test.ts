import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Operation } from '../../schema/operations/index.ts'
import { type Answer, type Edge, startEdge } from './edge.ts'
import {
  exampleFields,
  type Fields,
  idFields,
  isInBody,
  requestOf,
  rows,
  shapeOf,
  takes,
} from './requests.ts'

/** For every field of every row: what is wrong with it is a 400 that names it. */

let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
  tenant = await edge.createTenant({ sandbox: true })
})
afterAll(() => edge.close())

const send = (row: Operation, fields: Fields): Promise<Answer> => {
  const { method, path, body } = requestOf(row, fields)
  return edge.request(method, path, {
    ...(row.scope === 'admin' ? { admin: true } : { token: tenant.token }),
    ...(body === undefined ? {} : { body }),
  })
}

const expectFault = (answer: Answer, field: string, what: string): void => {
  expect([what, answer.status, answer.body.code]).toEqual([what, 400, 'INVALID_INPUT'])
  // Or a place within it.
  expect([what, String(answer.body.field).split('.')[0]]).toEqual([what, field])
  expect(answer.body.error).toContain(field)
  expect(answer.body.requestId).toBe(answer.headers.get('request-id'))
}

/** Values of every JSON type; what a field takes of them is no fault of its. */
const wrongInBody: unknown[] = [
  { wrong: 1 },
  [{ wrong: 1 }],
  [[]],
  [null],
  true,
  -1.5,
  1e300,
  '\u0000',
]
const wrongInText: unknown[] = ['\u0000', '-1.5', '{"wrong":1}', ['1', '\u0000'], ['{}', '[]']]

const cases = rows.flatMap(({ name, row }) =>
  Object.entries(shapeOf(row)).map(([field, type]) => ({ name, row, field, type })),
)

describe.each(cases)('$field of $name', ({ row, field, type }) => {
  const good = exampleFields(row)
  const inPath = row.path.includes(`:${field}`)
  const wrong = (isInBody(row, field) ? wrongInBody : wrongInText).filter(
    // One path segment has one value.
    (value) => !takes(type, value) && !(inPath && Array.isArray(value)),
  )

  it('is named when its type is wrong', async () => {
    for (const value of wrong) {
      expectFault(await send(row, { ...good, [field]: value }), field, JSON.stringify(value))
    }
  })

  // A path without it is another path.
  if (!takes(type, undefined) && !inPath) {
    it('is named when it is missing', async () => {
      const { [field]: _left, ...rest } = good
      const answer = await send(row, rest)
      expectFault(answer, field, 'missing')
      expect(answer.body.error).toBe(`${field} is required`)
    })
  }

  // Whatever text a field takes, it does not take any length of it, but where content belongs.
  const long = 'x'.repeat(100_000)
  if (takes(type, 'x') && !takes(type, long)) {
    it('is named when its text is too long', async () => {
      const text = isInBody(row, field) ? long : long.slice(0, 12_000)
      expectFault(await send(row, { ...good, [field]: text }), field, 'long text')
    })
  }
})

const ids = rows.flatMap(({ name, row }) => idFields(row).map((found) => ({ name, row, ...found })))

/** What does not fit 64 bits, or only nearly looks like an id. */
const oversized: unknown[] = [
  2n ** 63n,
  -(2n ** 63n) - 1n,
  123_456_789_012_345_678_901_234_567_890n,
  '9223372036854775808',
  '-9223372036854775809',
  '123456789012345678901234567890',
  '1e30',
  '0x10',
]

it('finds the id fields of the table', () => {
  expect(ids.length).toBeGreaterThan(100)
})

describe.each(ids)('the id $field of $name', ({ row, field, isList }) => {
  it('is named when it does not fit 64 bits', async () => {
    for (const value of oversized) {
      const fields = { ...exampleFields(row), [field]: isList ? [value] : value }
      const answer = await send(row, fields)
      expectFault(answer, field, String(value))
      if (isList && isInBody(row, field)) expect(answer.body.field).toBe(`${field}.0`)
    }
  })
})
