import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, startEdge } from '../test/contract/edge.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge({ MAXAPI_VERSION: '3.1.4' })
})
afterAll(() => edge.close())

describe('the health check', () => {
  it('tells version and age', async () => {
    edge.clock.now += 61_500
    const { token } = await edge.createTenant()
    await edge.createTenant()
    await edge.request('POST', '/session/connect', { token })
    const { status, body } = await edge.request('GET', '/health')
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        status: 'ok',
        version: '3.1.4',
        uptimeSeconds: 61,
        uptime_seconds: 61,
        dbOk: true,
        db_ok: true,
        rabbitmq_ok: false,
        connected_users: 1,
        goroutines: 0,
        mem_alloc_mb: 0,
        timestamp: Math.floor(edge.clock.now / 1000),
      },
    ])
  })

  it('answers 503 when the database does not', async () => {
    edge.breakDatabase()
    const { status, body, headers } = await edge.request('GET', '/health')
    expect(status).toBe(503)
    expect(body).toMatchObject({ success: false, status: 'degraded', dbOk: false })
    expect(body.requestId).toBe(headers.get('request-id'))
  })
})
