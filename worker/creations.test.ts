import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { creations } from '../schema/tables.ts'
import { ADMIN_TOKEN, type Edge, startEdge } from '../test/contract/edge.ts'
import { hashToken } from './auth.ts'
import { findTenantByTokenHash } from './tenants.ts'

const DAY = 24 * 3_600_000

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

const create = (key: string, body: object) =>
  edge.request('POST', '/admin/users', {
    admin: true,
    body,
    headers: { 'idempotency-key': key },
  })
const countOf = async (name: string): Promise<number> => {
  const { body } = await edge.request('GET', '/admin/users', { admin: true })
  return (body.data as { name: string }[]).filter((each) => each.name === name).length
}

describe('an Idempotency-Key on the creation of a tenant', () => {
  it('[ID9] gives the same tenant and token again, and makes no second one', async () => {
    const first = await create('k1', { name: 'once' })
    const again = await create('k1', { name: 'once' })
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await countOf('once')).toBe(1)
    const { token } = first.body as { token: string }
    expect((await edge.request('GET', '/webhook', { token })).status).toBe(200)
  })

  it('makes one tenant of many requests at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => create('k2', { name: 'many' })),
    )
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    for (const { status, body } of answers) {
      if (status !== 200) expect([status, body.code]).toEqual([409, 'IN_PROGRESS'])
    }
    expect(await countOf('many')).toBe(1)
  })

  it('is refused with another body, and is new after a day', async () => {
    const first = await create('k3', { name: 'a' })
    expect((await create('k3', { name: 'b' })).body.code).toBe('IDEMPOTENCY_MISMATCH')
    edge.clock.now += DAY + 1
    const later = await create('k3', { name: 'b' })
    expect(later.status).toBe(200)
    expect(later.body.id).not.toBe(first.body.id)
  })

  it('[ID9] goes on with a creation that was cut off, as soon as nobody runs it any more', async () => {
    const { sessions } = edge.gateway
    // The object answers, and the edge dies before it can write that down.
    let id = ''
    edge.gateway.sessions = {
      getByName: (name) => {
        id = name
        const session = sessions.getByName(name)
        return new Proxy(session, {
          get: (target, member) =>
            member === 'configure' ? () => new Promise(() => {}) : Reflect.get(target, member),
        })
      },
    }
    void create('k4', { name: 'cut' })
    while (id === '') await new Promise((resolve) => setTimeout(resolve, 1))
    edge.gateway.sessions = sessions
    expect((await create('k4', { name: 'cut' })).body.code).toBe('IN_PROGRESS')
    edge.clock.now += 60_001
    const answer = await create('k4', { name: 'cut' })
    expect(answer.body).toMatchObject({ success: true, id, name: 'cut' })
    expect(await countOf('cut')).toBe(1)
    const { token } = answer.body as { token: string }
    expect(await findTenantByTokenHash(edge.gateway.db(), hashToken(token))).toMatchObject({ id })
  })

  it('stands for nothing after a failure that left nothing', async () => {
    const token = 'a-token-that-is-long-enough-1'
    await edge.createTenant({ token })
    expect((await create('k5', { name: 'taken', token })).body.code).toBe('CONFLICT')
    expect((await create('k5', { name: 'taken' })).status).toBe(200)
    expect((await create('k6', { name: 'x', webhook: 'http://127.0.0.1/' })).status).toBe(403)
    expect((await create('k6', { name: 'x' })).status).toBe(200)
  })

  it('[ID9] stores no token in clear', async () => {
    const { body } = await create('k7', { name: 'secret' })
    const stored = JSON.stringify(await edge.gateway.db().select().from(creations))
    expect(stored).not.toContain(String(body.token))
    expect(stored).not.toContain('"k7"')
  })

  it('is looked at only after the administrator’s token', async () => {
    const headers = { 'idempotency-key': 'k1', authorization: `${ADMIN_TOKEN}x` }
    const answer = await edge.request('POST', '/admin/users', { headers, body: { name: 'once' } })
    expect(answer.status).toBe(401)
  })
})
