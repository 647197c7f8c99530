import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newSigningSecret } from '../connector/deliver/signature.ts'
import { type Operation, type OperationName, operations } from '../schema/operations/index.ts'
import { ADMIN_TOKEN } from '../test/contract/edge.ts'
import { type LiveTenant, startLiveEdge } from '../test/support/live-edge.ts'
import { createClient, MaxApiError, verifyWebhook } from './index.ts'
import { renderRoutes } from './render-routes.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
let me: LiveTenant
let friend: LiveTenant
let chatId: number
beforeAll(async () => {
  world = await startLiveEdge()
  ;({ me, friend, chatId } = await world.enterPair())
})
afterAll(() => world.close())

/** A client of the gateway in this process. */
const clientOf = (tenant: { token: string }, retries = 0) =>
  createClient({
    url: 'http://gateway/',
    token: tenant.token,
    adminToken: ADMIN_TOKEN,
    retries,
    fetch: async (url, init) => world.edge.app.request(url, init),
  })

/** A client of a gateway that answers as the test says; what it asked is in `seen`. */
const scripted = (answers: (Response | Error)[], retries = 2) => {
  const seen: { url: string; init: RequestInit }[] = []
  const client = createClient({
    url: 'https://gateway.example.com',
    token: 'tenant-token',
    retries,
    fetch: async (url, init) => {
      seen.push({ url, init })
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return answer ?? Response.json({ success: true, messageId: '1', chatId: 1 })
    },
  })
  const headers = () => seen.map(({ init }) => new Headers(init.headers))
  return { client, seen, headers }
}
const busy = (retryAfter?: string) =>
  Response.json(
    { success: false, code: 'MAX_UNAVAILABLE', error: 'later' },
    { status: 503, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } },
  )

describe('the client', () => {
  it('has a method for every operation, and its routes are those of the table', () => {
    const written = readFileSync(path.join(import.meta.dirname, 'routes.ts'), 'utf8')
    const rendered = renderRoutes(operations as Record<OperationName, Operation>)
    expect(written === rendered, 'npm run docs writes client/routes.ts anew').toBe(true)
    const client = createClient({ url: 'http://gateway' })
    for (const name of Object.keys(operations)) {
      expect(client[name as OperationName]).toBeTypeOf('function')
    }
  })

  it('sends a message and reads it back, with types all the way', async () => {
    const sent = await clientOf(me).sendText({ chatId, text: 'Hello' })
    expect(sent.messageId).toMatch(/^\d{18}$/)
    const { messages } = await clientOf(friend).getHistory({ chatId: BigInt(chatId), count: 1 })
    expect(messages[0]).toMatchObject({ id: sent.messageId, text: 'Hello' })
    const status = await clientOf(me).getStatus()
    expect(status.state).toBe('online')
  })

  it('puts fields into the path and the query', async () => {
    const user = await clientOf(me).getUser({ id: me.id })
    expect(user.data.id).toBe(me.id)
    const { client, seen } = scripted([])
    await client.listChats({ limit: 5 })
    expect(seen[0]?.url).toBe('https://gateway.example.com/chat/list?limit=5')
  })

  it('rejects with what the gateway says', async () => {
    const error = await clientOf(me)
      .sendText({ chatId, text: '' })
      .catch((thrown: MaxApiError) => thrown)
    expect(error).toBeInstanceOf(MaxApiError)
    expect(error).toMatchObject({ status: 400, code: 'INVALID_INPUT', field: 'text' })
  })

  it('does not compile without a field that is needed', () => {
    const { client } = scripted([])
    // @ts-expect-error: text is missing
    const one = () => client.sendText({ chatId: 1 })
    // @ts-expect-error: there is no such operation
    const other = () => client.sendTelegram({})
    expect([one, other]).toHaveLength(2)
  })

  it('repeats a send under one key, and waits as long as it is asked to', async () => {
    const { client, seen, headers } = scripted([busy('0'), new TypeError('no network')])
    await client.sendText({ chatId: 1, text: 'x' })
    expect(seen).toHaveLength(3)
    const keys = headers().map((each) => each.get('idempotency-key'))
    expect(keys[0]).toBeTruthy()
    expect(new Set(keys).size).toBe(1)
  })

  it('does not repeat what is not safe to repeat, or cannot help', async () => {
    const write = scripted([busy()])
    await expect(write.client.markRead({ chatId: 1, messageId: '1' })).rejects.toThrow('later')
    expect(write.seen).toHaveLength(1)
    const refused = scripted([
      Response.json({ success: false, code: 'NOT_FOUND' }, { status: 404 }),
    ])
    await expect(refused.client.getStatus()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(refused.seen).toHaveLength(1)
    const long = scripted([busy('3600')])
    await expect(long.client.getStatus()).rejects.toMatchObject({ retryAfterMs: 3_600_000 })
    expect(long.seen).toHaveLength(1)
  })

  it('says so when no answer comes', async () => {
    const { client } = scripted([new TypeError('refused')], 0)
    await expect(client.getStatus()).rejects.toMatchObject({ status: 0, code: 'NETWORK' })
  })

  it('sends content as the body, with its fields in the query', async () => {
    const { client, seen, headers } = scripted([])
    const content = new Uint8Array([1, 2, 3])
    await client.sendDocument(
      { chatId: 7, caption: 'Отчёт' },
      { content, contentType: 'application/pdf', fileName: 'Отчёт.pdf' },
    )
    expect(new URL(seen[0]?.url ?? '').searchParams.get('caption')).toBe('Отчёт')
    expect(seen[0]?.init.body).toBe(content)
    expect(headers()[0]?.get('content-disposition')).toContain("filename*=UTF-8''%D0%9E")
  })
})

describe('verifyWebhook', () => {
  const secret = newSigningSecret()
  const body = '{"id":"evt_1","sequence":1,"type":"Message","text":"Привет"}'
  const at = new Date(1_790_000_000_000)
  const headersFor = (key: string, text = body) => ({
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(at.getTime() / 1000),
    'webhook-signature': new Webhook(key).sign('evt_1', at, text),
  })
  const verify = (
    headers: Record<string, string>,
    given: string | Uint8Array = body,
    key: string | string[] = secret,
    now = at.getTime(),
  ) => verifyWebhook(headers, given, key, { now }).then((event) => event.id)

  it('takes what the public library signs, in any form', async () => {
    expect(await verify(headersFor(secret))).toBe('evt_1')
    expect(await verify(headersFor(secret), new TextEncoder().encode(body))).toBe('evt_1')
    const node = Object.fromEntries(
      Object.entries(headersFor(secret)).map(([name, value]) => [name.toUpperCase(), value]),
    )
    expect(await verify(node)).toBe('evt_1')
  })

  it('takes either of two secrets, and any of several signatures', async () => {
    const next = newSigningSecret()
    expect(await verify(headersFor(next), body, [secret, next])).toBe('evt_1')
    const headers = headersFor(next)
    headers['webhook-signature'] = `v1,AAAA v2,x ${headers['webhook-signature']}`
    expect(await verify(headers, body, next)).toBe('evt_1')
  })

  it.each([
    ['a changed body', () => verify(headersFor(secret), body.replace('П', 'п'))],
    ['another secret', () => verify(headersFor(newSigningSecret()))],
    ['an old delivery', () => verify(headersFor(secret), body, secret, at.getTime() + 301_000)],
    ['one from the future', () => verify(headersFor(secret), body, secret, at.getTime() - 301_000)],
    ['no signature', () => verify({ ...headersFor(secret), 'webhook-signature': '' })],
    ['no headers', () => verify({})],
  ])('refuses %s', async (_what, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ name: 'WebhookVerificationError' })
  })
})
