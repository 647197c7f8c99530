import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, startEdge } from '../test/contract/edge.ts'
import { watchSessions } from './watchdog.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())

describe('watchSessions', () => {
  it('wakes the sessions that should be online, past one that fails', async () => {
    const tenants = await Promise.all([1, 2, 3, 4].map(() => edge.createTenant()))
    const sessions = tenants.map(({ id }) => edge.sessions.getByName(id))
    for (const { token } of tenants.slice(0, 3)) {
      await edge.request('POST', '/session/connect', { token })
    }
    sessions[0]?.failures.set('ensure', new Error('broken'))
    await watchSessions(edge.gateway)
    expect(sessions.map((session) => session.ensured)).toEqual([0, 1, 1, 0])
    expect(edge.log).toEqual([['error', 'session not ensured', expect.any(Object)]])
  })
})
