import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { type Operation, type OperationName, operations } from '../schema/operations/index.ts'
import { type Edge, startEdge } from '../test/contract/edge.ts'

/** 18 digits, beyond 2^53: what a double rounds. */
const LARGE = '117309440008060929'

type Shape = Record<string, z.ZodType>
const takes = (type: z.ZodType | undefined, value: unknown): boolean =>
  type?.safeParse(value).success === true

interface IdField {
  field: string
  isList: boolean
}
/** Fields that are ids: they take 18 digits as a number of any size and as text, and no other text. */
const idFields = (row: Operation): IdField[] =>
  Object.entries(row.input.shape as Shape).flatMap(([field, type]): IdField[] => {
    const isId = (wrap: (value: unknown) => unknown) =>
      takes(type, wrap(BigInt(LARGE))) && takes(type, wrap(LARGE)) && !takes(type, wrap('x1'))
    if (isId((value) => value)) return [{ field, isList: false }]
    return isId((value) => [value]) ? [{ field, isList: true }] : []
  })

const cases = (Object.entries(operations) as [OperationName, Operation][])
  .filter(([, row]) => row.run !== undefined && row.scope === 'tenant')
  .flatMap(([name, row]) => idFields(row).map((found) => ({ name, row, ...found })))

/** The least of the row's example that makes a good request together with a field. */
const besides = (row: Operation, field: string, value: unknown): Record<string, unknown> => {
  const shape = row.input.shape as Shape
  const all = Object.entries(row.example.input).filter(([name]) => name !== field)
  const required = Object.fromEntries(all.filter(([name]) => !takes(shape[name], undefined)))
  return takes(row.input, { ...required, [field]: value }) ? required : Object.fromEntries(all)
}

/** Whatever form an id has inside, as its digits. */
const digits = (value: unknown): string => String(Array.isArray(value) ? value[0] : value)

let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
  tenant = await edge.createTenant({ sandbox: true })
})
afterAll(() => edge.close())

it('finds the id fields of the table', () => {
  const names = new Set(cases.map(({ name }) => name))
  for (const name of ['sendText', 'markRead', 'react', 'getHistory', 'deleteMessages'] as const) {
    expect(names).toContain(name)
  }
  expect(cases.length).toBeGreaterThan(80)
})

const forms = [
  ['a number', LARGE],
  ['text', `"${LARGE}"`],
] as const

describe.each(cases)('[defects 33, 35] $field of $name', ({ row, field, isList }) => {
  it.each(forms)('keeps all digits when it is given as %s', async (_form, json) => {
    const good = besides(row, field, isList ? [LARGE] : LARGE)
    const texts = Object.entries(good).map(
      ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
    )
    const value = isList ? `[${json}]` : json
    const inPath = row.path.includes(`:${field}`)
    const path = row.path.replace(`:${field}`, LARGE).replace(/:\w+/g, '1')
    const isGet = row.method === 'GET'
    const query = new URLSearchParams({ [field]: LARGE })
    for (const [key, each] of Object.entries(good)) {
      if (typeof each !== 'object') query.set(key, String(each))
    }
    const session = edge.sessions.getByName(tenant.id)
    const before = session.calls.length
    const answer = await edge.request(row.method, isGet && !inPath ? `${path}?${query}` : path, {
      token: tenant.token,
      ...(isGet ? {} : { body: `{${[...texts, `"${field}":${value}`].join()}}` }),
    })
    const call = session.calls[before]
    expect([answer.text, call?.name]).toEqual([expect.any(String), expect.any(String)])
    expect(digits((call?.input as Record<string, unknown>)[field])).toBe(LARGE)
  })

  it('comes out with all digits', async () => {
    const session = edge.sessions.getByName(tenant.id)
    session.answer = () => ({ ok: true, data: { [field]: BigInt(LARGE), list: [BigInt(LARGE)] } })
    const path = row.path.replace(/:\w+/g, '1')
    const isGet = row.method === 'GET'
    const query = new URLSearchParams()
    for (const [key, each] of Object.entries(row.example.input)) {
      if (typeof each !== 'object') query.set(key, String(each))
    }
    const { text } = await edge.request(row.method, isGet ? `${path}?${query}` : path, {
      token: tenant.token,
      ...(isGet ? {} : { body: row.example.input }),
    })
    expect(text).toContain(`"${field}":"${LARGE}","list":["${LARGE}"]`)
  })
})
