import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, startEdge } from '../test/contract/edge.ts'

let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
  tenant = await edge.createTenant({ sandbox: true })
})
afterAll(() => edge.close())
const call = (method: string, path: string, body?: unknown) =>
  edge.request(method, path, { token: tenant.token, body })
const lastCall = () => edge.sandboxes.getByName(tenant.id).calls.at(-1)

describe('the sandbox over REST', () => {
  it('tells what to log in with', async () => {
    const { body } = await call('GET', '/sandbox')
    expect(body).toMatchObject({ success: true, phone: '+79990000001', code: '123456' })
  })

  it('approves the newest QR login or a given one', async () => {
    expect((await call('POST', '/sandbox/qr/approve')).status).toBe(200)
    expect(lastCall()).toEqual(['approveQr', undefined])
    await call('POST', '/sandbox/qr/approve', { qrLink: 'https://max.ru/:auth/1' })
    expect(lastCall()).toEqual(['approveQr', 'https://max.ru/:auth/1'])
  })

  it('lets a contact write', async () => {
    const { body } = await call('POST', '/sandbox/incoming', { text: 'Hi', from: '12' })
    expect(body).toEqual({ success: true, chatId: 7, messageId: '115912345678901235' })
    expect(lastCall()).toEqual(['incoming', { text: 'Hi', from: 12 }])
  })

  it('arms a fault', async () => {
    await call('POST', '/sandbox/fault', { kind: 'slow', delayMs: 5 })
    expect(lastCall()).toEqual([
      'fault',
      { kind: 'slow', delayMs: 5, code: 'service.unavailable', count: 1 },
    ])
  })

  it('does not exist for other tenants', async () => {
    const { token } = await edge.createTenant()
    const answer = await edge.request('GET', '/sandbox', { token })
    expect([answer.status, answer.body.error]).toEqual([404, 'This is not a sandbox tenant'])
  })
})
