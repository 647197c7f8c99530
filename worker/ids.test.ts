import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, refused, startEdge } from '../test/contract/edge.ts'
import {
  besides,
  exampleFields,
  idFields,
  LARGE,
  requestOf,
  rows,
} from '../test/contract/requests.ts'

const cases = rows
  .filter(({ name, row }) => {
    if (row.scope !== 'tenant' || (row.run === undefined && row.media === undefined)) return false
    // Asks the session for a place to upload to first, which has no chat.
    return name !== 'setGroupPhoto'
  })
  .flatMap(({ name, row }) => idFields(row).map((found) => ({ name, row, ...found })))

/** Whatever form an id has inside, as its digits. */
const digits = (value: unknown): string => String(Array.isArray(value) ? value[0] : value)

/** An id in what the session is asked for: media rows ask in steps, with words of their own. */
const idIn = (input: unknown, field: string): unknown => {
  const { request, id, ...plain } = input as Record<string, unknown>
  return plain[field] ?? (request as Record<string, unknown> | undefined)?.[field] ?? id
}

let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
  tenant = await edge.createTenant({ sandbox: true })
})
afterAll(() => edge.close())

it('finds the id fields of the table', () => {
  const names = new Set(cases.map(({ name }) => name))
  for (const name of ['sendText', 'markRead', 'react', 'sendImage', 'downloadVideo'] as const) {
    expect(names).toContain(name)
  }
  expect(cases.length).toBeGreaterThan(100)
})

const forms = [
  ['a number', BigInt(LARGE)],
  ['text', LARGE],
] as const

describe.each(cases)('[defects 33, 35] $field of $name', ({ row, field, isList }) => {
  const request = (value: unknown) => {
    const wrapped = isList ? [value] : value
    const good = row.media === undefined ? besides(row, field, wrapped) : exampleFields(row)
    const fields = { ...good, [field]: wrapped }
    const { method, path, body } = requestOf(row, fields)
    return edge.request(method, path, {
      token: tenant.token,
      ...(body === undefined ? {} : { body }),
    })
  }

  it.each(forms)('keeps all digits when it is given as %s', async (_form, value) => {
    const session = edge.sessions.getByName(tenant.id)
    session.answer = () => refused({ code: 'MAX_REFUSED' })
    const before = session.calls.length
    const answer = await request(value)
    expect(answer.body.code).toBe('MAX_REFUSED')
    expect(digits(idIn(session.calls[before]?.input, field))).toBe(LARGE)
  })

  if (row.run === undefined) return

  it('comes out with all digits', async () => {
    const session = edge.sessions.getByName(tenant.id)
    session.answer = () => ({ ok: true, data: { [field]: BigInt(LARGE), list: [BigInt(LARGE)] } })
    const { text } = await request(LARGE)
    expect(text).toContain(`"${field}":"${LARGE}","list":["${LARGE}"]`)
  })
})
