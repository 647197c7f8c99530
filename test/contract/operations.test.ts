import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Operation, type OperationName, operations } from '../../schema/operations/index.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'
import type { Answer } from './edge.ts'

const rows = (Object.entries(operations) as [OperationName, Operation][]).map(([name, row]) => ({
  name,
  row,
}))
const online = rows.filter(({ row }) => row.online && row.run !== undefined)

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

/** The request of the row's example. */
const exemplary = (tenant: LiveTenant, row: Operation): Promise<Answer> => {
  const { input } = row.example
  const path = row.path.replace(/:(\w+)/g, (_all, name) => String(input[name] ?? 'x'))
  if (row.method !== 'GET') return tenant.call(row.method, path, input)
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(input)) query.set(name, String(value))
  return tenant.call('GET', `${path}?${query}`)
}

describe.each(rows)('the example of $name', ({ row }) => {
  it('fits its own schemas', () => {
    const { input, output } = row.example
    expect(row.input.safeParse(input).error).toBeUndefined()
    expect(row.output.safeParse({ success: true, ...output }).error).toBeUndefined()
  })
})

describe.each(online)('without a session, $name', ({ row }) => {
  it('is refused with 503, and says in which state the session is', async () => {
    const tenant = await world.enter(world.sim.direct.createAccount())
    const answer = await exemplary(tenant, row)
    expect([answer.status, answer.body.code]).toEqual([503, 'NOT_CONNECTED'])
    expect(answer.body.details).toMatchObject({ state: 'logged_out' })
  })
})

/** What is known, or known not to be there, without asking MAX. */
const unasked: OperationName[] = ['listContacts', 'removeProfilePhoto']

describe.each(online.filter(({ name }) => !unasked.includes(name)))('when MAX refuses, $name', ({
  row,
}) => {
  it("passes MAX's own words on, and is no fault of ours", async () => {
    const { me } = await world.enterPair()
    const userId = me.account.id
    const fault = { kind: 'error', code: 'test.refused', count: 1_000, delayMs: 0 } as const
    world.sim.direct.fault({ ...fault, userId })
    const answer = await exemplary(me, row)
    expect(answer.body).toMatchObject({
      success: false,
      code: 'MAX_REFUSED',
      maxError: { code: 'test.refused' },
    })
    expect(answer.status).toBe(422)
  })
})
