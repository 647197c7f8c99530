import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Edge, startEdge } from '../test/contract/edge.ts'

const url = 'https://example.com/hook'
const secret = 'whsec_dGVzdA=='
let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.close())
beforeEach(async () => {
  tenant = await edge.createTenant()
})
const call = (method: string, body?: unknown) =>
  edge.request(method, '/webhook', { token: tenant.token, body })
const configured = () => edge.sessions.getByName(tenant.id).config

describe('the webhook of a tenant', () => {
  it.each(['POST', 'PUT'])('is set with %s and read back', async (method) => {
    const settings = { webhook: url, events: ['Message', 'Typing'], secret }
    const answer = await call(method, { webhook: url, events: 'Message,Typing' })
    expect(answer.body).toEqual({ success: true, ...settings })
    expect(configured()).toMatchObject({ webhook: url, events: ['Message', 'Typing'] })
    expect((await call('GET')).body).toEqual({ success: true, ...settings })
  })

  it.each([
    'webhookURL',
    'webhookurl',
    'WebhookURL',
  ])('[defect 39] is taken from %s too', async (name) => {
    expect((await call('POST', { [name]: url })).body.webhook).toBe(url)
  })

  it('keeps its address when only the events change, and the other way round', async () => {
    await call('POST', { webhook: url, events: ['Typing'] })
    expect((await call('PUT', { events: ['Message'] })).body).toMatchObject({ webhook: url })
    expect((await call('PUT', { webhook: '' })).body).toMatchObject({ events: ['Message'] })
    expect(configured()).toMatchObject({ webhook: '', events: ['Message'] })
  })

  it('[defect 39] is not cleared by a body without a known field', async () => {
    await call('POST', { webhook: url })
    const answer = await call('POST', { url })
    expect([answer.status, answer.body.field]).toEqual([400, 'webhook'])
    expect(configured()?.webhook).toBe(url)
  })

  it('is cleared with DELETE', async () => {
    await call('POST', { webhook: url })
    expect((await call('DELETE')).body).toEqual({ success: true, message: 'Webhook deleted' })
    expect(configured()?.webhook).toBe('')
  })

  it.each([
    'http://10.0.0.1/',
    'https://localhost/',
    'https://169.254.169.254/latest',
  ])('may not be %s', async (webhook) => {
    const answer = await call('POST', { webhook })
    expect([answer.status, answer.body.field]).toEqual([403, 'webhook'])
    expect(configured()?.webhook).toBe('')
  })

  it('may be anything that works when the deployment allows it', async () => {
    const own = await startEdge({ MAXAPI_ALLOW_PRIVATE_NETWORK: 'true' })
    const { token } = await own.createTenant()
    const body = { webhook: 'http://10.0.0.1/' }
    expect((await own.request('POST', '/webhook', { token, body })).status).toBe(200)
    await own.close()
  })
})
