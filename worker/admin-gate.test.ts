import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, type Edge, startEdge } from '../test/contract/edge.ts'
import { AdminGate } from './admin-gate.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

const list = (authorization: string) =>
  edge.request('GET', '/admin/users', { headers: { authorization } })

describe('guessing the admin token', () => {
  it('[defect 29] soon has to wait, and the right token too', async () => {
    for (let n = 0; n < 100; n += 1) expect((await list(`guess ${n}`)).status).toBe(401)
    for (const token of ['another guess', ADMIN_TOKEN]) {
      const answer = await list(token)
      expect([answer.status, answer.body.code]).toEqual([429, 'TOO_MANY_ATTEMPTS'])
      expect(answer.headers.get('retry-after')).toBe('5')
    }
    edge.clock.now += 5_000
    expect((await list(ADMIN_TOKEN)).status).toBe(200)
  })

  it('is no easier through a tenant', async () => {
    edge.clock.now += 3_600_000
    const { token } = await edge.createTenant()
    const status = (authorization: string) =>
      edge.request('GET', '/session/status', { headers: { token, authorization } })
    for (let n = 0; n < 100; n += 1) expect((await status(`guess ${n}`)).status).toBe(200)
    expect((await list(ADMIN_TOKEN)).status).toBe(429)
  })

  it('is counted per address where the network vouches for it', () => {
    const gate = new AdminGate(edge.gateway)
    const from = (address: string, token: string, cf: object | null = {}) => {
      const headers = { authorization: token, 'cf-connecting-ip': address }
      return Object.assign(new Request('https://gateway/', { headers }), { cf })
    }
    for (let n = 0; n < 100; n += 1) gate.knows(from('1.1.1.1', 'guess'))
    expect(gate.knows(from('1.1.1.1', ADMIN_TOKEN))).toBe(false)
    expect(gate.knows(from('2.2.2.2', ADMIN_TOKEN))).toBe(true)
    // A header that anybody could have written opens no fresh count.
    const own = new AdminGate(edge.gateway)
    for (let n = 0; n < 100; n += 1) own.knows(from(`3.3.3.${n}`, 'guess', null))
    expect(own.knows(from('4.4.4.4', ADMIN_TOKEN, null))).toBe(false)
  })
})
