import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../connector/clock.ts'
import { isHarmless } from '../../schema/opcodes.ts'
import type { Operation, OperationName } from '../../schema/operations/index.ts'
import { Limit } from '../../schema/wire.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'
import type { Answer } from './edge.ts'
import { exampleFields, type Fields, requestOf, rows, shapeOf } from './requests.ts'

/** For every row, against real sessions and a MAX that refuses, is silent, or is not there. */

/** Rows of a tenant whose session is asked. */
const inSession = rows.filter(({ row }) => row.run !== undefined || row.media !== undefined)
const online = inSession.filter(({ row }) => row.online)

/**
 * MAX answers within the turn in which it is asked, here: whoever waits longer waits in vain, so the
 * deadline of a call need not take its 30 s.
 */
const impatient: Clock = {
  now: systemClock.now,
  after: (delayMs, task) => systemClock.after(delayMs === Limit.callTimeoutMs ? 20 : delayMs, task),
}

type World = Awaited<ReturnType<typeof startLiveEdge>>
let world: World
let hasty: World
/** Online beside a friend; and one whom MAX refuses everything. */
let pair: Awaited<ReturnType<World['enterPair']>>
let refused: LiveTenant
beforeAll(async () => {
  world = await startLiveEdge()
  hasty = await startLiveEdge({}, {}, undefined, impatient)
  pair = await world.enterPair()
  refused = (await world.enterPair()).me
  const fault = { kind: 'error', code: 'test.refused', count: 1_000_000, delayMs: 0 } as const
  world.sim.direct.fault({ ...fault, userId: refused.account.id })
})
afterAll(async () => {
  await world.close()
  await hasty.close()
})

const send = (tenant: LiveTenant, row: Operation, fields: Fields = {}): Promise<Answer> => {
  const { method, path, body } = requestOf(row, { ...exampleFields(row), ...fields })
  return tenant.call(method, path, body)
}

describe.each(rows)('the example of $name', ({ row }) => {
  it('fits its own schemas', () => {
    const { input, output } = row.example
    expect(row.input.safeParse(input).error).toBeUndefined()
    expect(row.output.safeParse({ success: true, ...output }).error).toBeUndefined()
  })
})

const reference = readFileSync(path.join(import.meta.dirname, '../../API.md'), 'utf8')

it.each(rows)('API.md tells of $name', ({ row }) => {
  expect(reference).toContain(`\n### ${row.method} ${row.path.replace(/:(\w+)/g, '{$1}')}\n`)
})

describe.each(inSession)('without a session, $name', ({ row }) => {
  it('is refused with 503 when it needs MAX, and breaks nowhere', async () => {
    const tenant = await world.enter(world.sim.direct.createAccount())
    const answer = await send(tenant, row)
    await tenant.session.destroy()
    if (row.online) {
      expect([answer.status, answer.body.code]).toEqual([503, 'NOT_CONNECTED'])
      expect(answer.body.details).toMatchObject({ state: 'logged_out' })
    }
    expect(answer.body.code).not.toBe('INTERNAL_ERROR')
  })
})

/** What is known, or known not to be there, without asking MAX. */
const unasked: OperationName[] = ['listContacts', 'removeProfilePhoto']
const asking = online.filter(({ name }) => !unasked.includes(name))

describe.each(asking)('when MAX refuses, $name', ({ row }) => {
  it("passes MAX's own words on, and is no fault of ours", async () => {
    const answer = await send(refused, row)
    expect(answer.body).toMatchObject({
      success: false,
      code: 'MAX_REFUSED',
      maxError: { code: 'test.refused' },
    })
    expect(answer.status).toBe(422)
  })
})

describe.each(asking)('when MAX is silent, $name', ({ row }) => {
  it('answers 504, and OUTCOME_UNKNOWN when it may have written', async () => {
    const { me, friend, chatId } = await hasty.enterPair()
    const userId = me.account.id
    const fault = { kind: 'hang', code: '', count: 1_000, delayMs: 0 } as const
    hasty.sim.direct.fault({ ...fault, userId })
    const before = me.session.sent.length
    const answer = await send(me, row, 'chatId' in shapeOf(row) ? { chatId } : {})
    const asked = me.session.sent.slice(before)
    hasty.sim.direct.clearFaults()
    await Promise.all([me.session.destroy(), friend.session.destroy()])
    const wrote = asked.some((opcode) => !isHarmless(opcode))
    const isRead = row.method === 'GET' || row.reads === true
    expect([answer.status, answer.body.code, asked.length > 0]).toEqual([
      504,
      wrote && !isRead ? 'OUTCOME_UNKNOWN' : 'MAX_TIMEOUT',
      true,
    ])
  })
})

/** Rows that take a chat by any of the three fields of a target. */
const targeted = online.filter(({ row }) =>
  ['chatId', 'phone', 'userId'].every((field) => field in shapeOf(row)),
)

describe.each(targeted)('the target of $name', ({ row }) => {
  it.each(['phone', 'userId'])('may be given as %s alone', async (field) => {
    const { phone, id } = pair.friend.account
    const { chatId: _none, ...rest } = exampleFields(row)
    const { method, path, body } = requestOf(row, {
      ...rest,
      [field]: field === 'phone' ? phone : id,
    })
    const answer = await pair.me.call(method, path, body)
    // What it makes of the example's other ids is another matter.
    expect(answer.body.field).not.toBe('chatId')
    expect(answer.body.code).not.toBe('INVALID_INPUT')
  })
})
