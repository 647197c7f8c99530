import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Operation, type OperationName, operations } from '../schema/operations/index.ts'
import { type Answer, type Edge, refused, startEdge } from '../test/contract/edge.ts'
import { exampleFields, type Fields, requestOf, shapeOf, takes } from '../test/contract/requests.ts'

let edge: Edge
let tenant: { id: string; token: string }
beforeAll(async () => {
  edge = await startEdge()
  tenant = await edge.createTenant({ sandbox: true })
})
afterAll(() => edge.close())

const rows = Object.entries(operations) as [OperationName, Operation][]
const pathOf = (row: Operation): string => row.path.replace(/:\w+/g, 'some-id')
const isInSession = ({ run, media, stream }: Operation): boolean =>
  run !== undefined || media !== undefined || stream !== undefined
const expectError = (answer: Answer, status: number, code: string): void => {
  expect(answer.body).toMatchObject({
    success: false,
    code,
    error: expect.any(String),
    requestId: answer.headers.get('request-id'),
  })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/json')
}
/** The credentials a row asks for. */
const allowed = (row: Operation) =>
  row.scope === 'admin' ? { admin: true } : row.scope === 'tenant' ? { token: tenant.token } : {}

describe.each(rows)('every route: %s', (_name, row) => {
  const path = pathOf(row)
  const send = (body: unknown) => edge.request(row.method, path, { ...allowed(row), body })

  it('[defect 46] answers 405 with Allow to another method', async () => {
    const answer = await edge.request('PATCH', path)
    expectError(answer, 405, 'METHOD_NOT_ALLOWED')
    const allow = answer.headers.get('allow')?.split(', ')
    expect(allow).toContain(row.method)
    const options = await edge.request('OPTIONS', path)
    expect([options.status, options.headers.get('allow')?.split(', ')]).toEqual([204, allow])
  })

  if (row.scope !== 'public') {
    it('answers 401 without a token, before it looks at the body', async () => {
      const answer = await edge.request(row.method, path, row.method === 'GET' ? {} : { body: '{' })
      expectError(answer, 401, 'UNAUTHORIZED')
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    })

    it('answers 401 to a wrong token', async () => {
      const headers = { token: 'wrong', authorization: 'Bearer wrong' }
      expectError(await edge.request(row.method, path, { headers }), 401, 'UNAUTHORIZED')
    })

    it('[defect 27] takes no token from the query', async () => {
      const answer = await edge.request(row.method, `${path}?token=${tenant.token}`)
      expectError(answer, 401, 'UNAUTHORIZED')
    })
  }

  if (row.scope === 'admin') {
    it("answers 401 to a tenant's token", async () => {
      const headers = { token: tenant.token, authorization: `Bearer ${tenant.token}` }
      expectError(await edge.request(row.method, path, { headers }), 401, 'UNAUTHORIZED')
    })
  }

  if (row.method === 'GET') return

  it('answers 400 with the position of broken JSON', async () => {
    const answer = await send('{"a": x}')
    expectError(answer, 400, 'INVALID_JSON')
    expect(answer.body.error).toContain('position 6')
    expect(answer.body.details).toEqual({ position: 6 })
  })

  it.each(['[]', '"text"', '7', 'true'])('answers 400 to the body %s', async (body) => {
    expectError(await send(body), 400, 'INVALID_INPUT')
  })

  it('[defect 31] answers 413 to a body that is too large', async () => {
    const size = (row.media === 'in' ? 23 : 1) * 1024 * 1024
    expectError(await send({ text: 'x'.repeat(size) }), 413, 'BODY_TOO_LARGE')
  })
})

describe.each(
  rows.filter(([, { scope }]) => scope === 'tenant'),
)('with the token of another tenant: %s', (_name, row) => {
  it('reaches nothing of this one', async () => {
    const [mine, other] = await Promise.all([edge.createTenant(), edge.createTenant()])
    const before = await edge.request('GET', `/admin/users/${mine.id}`, { admin: true })
    const calls = { mine: 0, other: 0 }
    for (const who of ['mine', 'other'] as const) {
      edge.sessions.getByName({ mine, other }[who].id).answer = () => {
        calls[who] += 1
        return refused({ code: 'MAX_REFUSED' })
      }
    }
    // Whatever id the request names.
    const fields: Fields = { ...exampleFields(row), token: mine.token, tenantId: mine.id }
    if (takes(shapeOf(row).id, mine.id)) fields.id = mine.id
    const { method, path, body } = requestOf(row, fields)
    const answer = await edge.request(method, path, {
      token: other.token,
      ...(body === undefined ? {} : { body }),
    })
    expect(answer.status).not.toBe(401)
    expect(calls).toEqual({ mine: 0, other: isInSession(row) ? 1 : 0 })
    expect(answer.text).not.toContain(mine.id)
    expect(await edge.request('GET', `/admin/users/${mine.id}`, { admin: true })).toMatchObject({
      body: before.body,
    })
  })
})

describe.each(
  // What moves content or streams needs a session and has tests of its own.
  rows.filter(
    ([name, { run, media, stream }]) => !run && !media && !stream && name !== 'testStorage',
  ),
)('served at the edge: %s', (_, row) => {
  it('answers what the table promises', async () => {
    const own = await edge.createTenant({ sandbox: true })
    const body: Record<string, unknown> = { ...row.example.input }
    if ('webhook' in body) body.webhook = ''
    if ('id' in body) delete body.id
    const answer = await edge.request(row.method, row.path.replace(':id', own.id), {
      ...(row.scope === 'admin' ? { admin: true } : { token: own.token }),
      ...(row.method === 'GET' ? {} : { body }),
    })
    expect([answer.status, answer.body.success]).toEqual([200, true])
    expect(row.output.safeParse(answer.body).error).toBeUndefined()
  })
})

describe('the edge', () => {
  const session = () => edge.sessions.getByName(tenant.id)
  const send = (body: unknown, headers: Record<string, string> = {}) =>
    edge.request('POST', '/chat/send/text', { token: tenant.token, body, headers })

  it('answers 404 to an unknown path, whatever the method', async () => {
    for (const method of ['GET', 'POST', 'OPTIONS', 'PATCH']) {
      expectError(await edge.request(method, '/nowhere'), 404, 'NOT_FOUND')
    }
    expectError(await edge.request('GET', '/health/'), 404, 'NOT_FOUND')
  })

  it('answers HEAD as GET without a body', async () => {
    const answer = await edge.request('HEAD', '/health')
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect((await edge.request('HEAD', '/chat/send/text')).status).toBe(405)
  })

  it('gives each request an id of its own', async () => {
    const [one, two] = await Promise.all([
      edge.request('GET', '/health'),
      edge.request('GET', '/health'),
    ])
    expect(one.headers.get('request-id')).toMatch(/^[\da-f-]{36}$/)
    expect(one.headers.get('request-id')).not.toBe(two.headers.get('request-id'))
  })

  it.each([
    ['a number', '{"chatId":1, "messageId":115912345678901235}'],
    ['a string', '{"chatId":"1", "messageId":"115912345678901235"}'],
  ])('keeps all digits of an id given as %s', async (_form, body) => {
    const answer = await edge.request('POST', '/chat/markread', { token: tenant.token, body })
    expect(answer.status).toBe(200)
    expect(session().calls.at(-1)?.input).toEqual({ chatId: 1, messageId: '115912345678901235' })
  })

  it('hands a 64-bit chat id over as bigint and answers bigints as strings', async () => {
    session().answer = () => ({ ok: true, data: { chatId: 9_007_199_254_740_993n } })
    const answer = await send('{"chatId":9007199254740993,"text":"x"}')
    expect(session().calls.at(-1)?.input).toMatchObject({ chatId: 9_007_199_254_740_993n })
    expect(answer.text).toBe('{"success":true,"chatId":"9007199254740993"}')
  })

  it('matches names without regard to case, and prefers the exact one', async () => {
    await send({ CHATID: 5, Text: 'other', text: 'exact', NOTIFY: false })
    expect(session().calls.at(-1)?.input).toMatchObject({ chatId: 5, text: 'exact', notify: false })
  })

  it('takes null for an optional field as absent, and not for a required one', async () => {
    await send({ chatId: 1, text: 'x', replyTo: null, notify: null })
    const input = session().calls.at(-1)?.input
    expect(input).toMatchObject({ chatId: 1, text: 'x', notify: true })
    expect(input).not.toHaveProperty('replyTo')
    expect((await send({ chatId: 1, text: null })).body.field).toBe('text')
  })

  it.each(['', '  \n', 'null', '{}', '\ufeff{}'])('takes the body %j as empty', async (body) => {
    const answer = await edge.request('POST', '/session/connect', { token: tenant.token, body })
    expect(answer.status).toBe(200)
    expect(session().calls.at(-1)?.input).toEqual({ immediate: false })
  })

  it.each([
    ['/chat/send/text', { chatId: 1 }, 'text is required'],
    ['/chat/send/text', { chatId: 1, text: '' }, 'text: expected string to have >=1 characters'],
    ['/chat/send/text', { text: 'x', notify: 1 }, 'notify: expected boolean, received number'],
    ['/webhook', { events: 5 }, 'events: expected string or array'],
    ['/webhook', { events: ['Message', 'x'] }, 'events.1: unknown event name'],
    ['/webhook', { webhook: 'x' }, 'webhook: expected an http(s) URL or ""'],
  ])('explains to %s what is wrong with %j', async (path, body, text) => {
    const answer = await edge.request('POST', path, { token: tenant.token, body })
    expect(answer.body.error).toBe(text)
  })

  it('coerces numbers and booleans in the query only', async () => {
    const path = '/session/connect?immediate=true'
    await edge.request('POST', path, { token: tenant.token })
    expect(session().calls.at(-1)?.input).toEqual({ immediate: true })
    const answer = await edge.request('POST', '/session/connect', {
      token: tenant.token,
      body: { immediate: 'true' },
    })
    expect(answer.body.field).toBe('immediate')
  })

  it('lets the path win over the body and the body over the query', async () => {
    const { id } = await edge.createTenant({ name: 'before' })
    const path = `/admin/users/${id}?name=query&webhook=`
    await edge.request('PUT', path, { admin: true, body: { id: tenant.id, name: 'body' } })
    const { body } = await edge.request('GET', `/admin/users/${id}`, { admin: true })
    expect(body.data).toMatchObject({ id, name: 'body', webhook: '' })
  })

  it('is not fooled by a lying or missing Content-Length', async () => {
    const big = new TextEncoder().encode(`"${'x'.repeat(1024 * 1024)}"`)
    const chunked = () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(big)
          controller.close()
        },
      })
    for (const headers of [{}, { 'content-length': '2' }]) {
      const request = new Request('http://gateway/session/connect', {
        method: 'POST',
        headers: { token: tenant.token, ...headers },
        body: chunked(),
        duplex: 'half',
      } as RequestInit)
      expect((await edge.app.fetch(request)).status).toBe(413)
    }
  })

  it('refuses a body that is not UTF-8', async () => {
    const request = new Request('http://gateway/session/connect', {
      method: 'POST',
      headers: { token: tenant.token },
      body: Uint8Array.of(0x7b, 0xff, 0x7d),
    })
    expect(await (await edge.app.fetch(request)).json()).toMatchObject({ code: 'INVALID_JSON' })
  })

  it('passes on what MAX refused, with its own words', async () => {
    const maxError = { code: 'chat.denied', message: 'You cannot write here' }
    session().answer = () => refused({ code: 'MAX_REFUSED', message: 'You cannot…', maxError })
    const answer = await send({ chatId: 1, text: 'x' })
    expectError(answer, 422, 'MAX_REFUSED')
    expect(answer.body).toMatchObject({ error: 'You cannot…', maxError })
  })

  it('tells when to try again, in whole seconds', async () => {
    session().answer = () => refused({ code: 'RATE_LIMITED', retryAfterMs: 1_001 })
    const answer = await send({ chatId: 1, text: 'x' })
    expectError(answer, 429, 'RATE_LIMITED')
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(answer.body.retryAfterMs).toBe(1_001)
  })

  it('speaks problem+json to those who ask for it', async () => {
    session().answer = () => refused({ code: 'NOT_CONNECTED', retryAfterMs: 500 })
    const accept = 'application/json;q=0.5, application/problem+json'
    const answer = await send({ chatId: 1, text: 'x' }, { accept })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.body).toEqual({
      type: 'urn:maxapi:error:NOT_CONNECTED',
      title: 'The session is offline right now.',
      status: 503,
      detail: 'refused by the test',
      code: 'NOT_CONNECTED',
      requestId: answer.headers.get('request-id'),
      retryAfterMs: 500,
    })
  })

  it('[defect 31] [defect 26] says nothing of its inside when it breaks, and logs no token', async () => {
    session().failures.set('invoke', new Error('secret inside'))
    const answer = await edge.request('GET', '/session/status', { token: tenant.token })
    expectError(answer, 500, 'INTERNAL_ERROR')
    expect(answer.text).not.toContain('secret inside')
    expect(JSON.stringify(edge.log)).toContain('secret inside')
    expect(JSON.stringify(edge.log)).not.toContain(tenant.token)
  })

  it('repeats no secret in an error', async () => {
    const secret = 'p4ssw0rd-of-somebody'
    const path = '/session/auth/password'
    for (const body of [`{"password":"${secret}"`, { password: [secret] }, { password: {} }]) {
      const answer = await edge.request('POST', path, { token: tenant.token, body })
      expect(answer.status).toBe(400)
      expect(answer.text).not.toContain(secret)
      expect(answer.text).not.toContain(tenant.token)
    }
  })
})
