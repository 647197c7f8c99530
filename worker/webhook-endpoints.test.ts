import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type LiveTenant, startLiveEdge } from '../test/support/live-edge.ts'
import { type Receiver, startReceiver } from '../test/support/receiver.ts'

let edge: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  edge = await startLiveEdge({}, { MAXAPI_ALLOW_PRIVATE_NETWORK: 'true' })
})
afterAll(() => edge.close())

const receive = async (): Promise<Receiver> => {
  const receiver = await startReceiver()
  onTestFinished(() => receiver.close())
  return receiver
}

/** A tenant, a friend who writes to it, and a receiver that one endpoint leads to. */
const create = async (settings: object = {}) => {
  const pair = await edge.enterPair()
  const { me } = pair
  const receiver = await receive()
  const made = await me.ok('POST', '/webhooks', { url: receiver.url, ...settings })
  receiver.secret = String(made.secret)
  const { sim } = edge
  return {
    ...pair,
    receiver,
    id: String(made.id),
    /** The friend writes. */
    say: (text: string) =>
      sim.direct.incoming({ to: pair.me.account.id, from: pair.friend.account.id, text }),
  }
}

const statusOf = async (tenant: LiveTenant, id: string) =>
  (await tenant.ok('GET', `/webhooks/${id}`)).status as Record<string, unknown>

/** The deliveries of an endpoint, newest first. */
const deliveriesOf = async (tenant: LiveTenant, id: string, query = '') =>
  (await tenant.ok('GET', `/webhooks/${id}/deliveries${query}`)).deliveries as Record<
    string,
    unknown
  >[]

describe('endpoints', () => {
  it('[WE1] get signed events with their own headers, as soon as they are added', async () => {
    const { me, receiver, id, say } = await create({
      headers: { Authorization: 'Bearer mine' },
      events: 'Message',
      description: 'CRM',
    })
    say('hello')
    const { headers } = await receiver.message('hello')
    expect(headers).toMatchObject({
      authorization: 'Bearer mine',
      'maxapi-event': 'Message',
      'maxapi-attempt': '1',
    })
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    const { webhooks } = await me.ok('GET', '/webhooks')
    expect(webhooks).toMatchObject([
      { id, url: receiver.url, description: 'CRM', headerNames: ['authorization'] },
    ])
    expect(JSON.stringify(webhooks)).not.toContain('mine')
    expect(receiver.refused).toEqual([])
  })

  it('[WE2] are told apart: a bad one delays no other', async () => {
    const { me, receiver, say } = await create()
    const bad = await receive()
    const made = await me.ok('POST', '/webhooks', { url: bad.url, timeoutMs: 3_000 })
    bad.secret = String(made.secret)
    bad.answerWith(500)
    for (const text of ['a', 'b', 'c']) say(text)
    await receiver.message('c')
    await bad.waitFor('an attempt', () => bad.turnedAway > 0)
    await expect
      .poll(() => statusOf(me, String(made.id)))
      .toMatchObject({
        state: 'failing',
        lastError: 'the receiver answered 500',
      })
    expect(receiver.texts).toEqual(['a', 'b', 'c'])
    expect(await me.ok('GET', '/session/status')).toMatchObject({ delivery: { failing: true } })
  })

  it('[WE3] act on a change at once', async () => {
    const { me, receiver, id, say } = await create()
    const other = await receive()
    other.secret = receiver.secret
    await me.ok('PUT', `/webhooks/${id}`, { url: other.url, events: ['Message'] })
    say('moved')
    await other.message('moved')
    expect(receiver.texts).toEqual([])
    await me.ok('PUT', `/webhooks/${id}`, { enabled: false })
    expect(await statusOf(me, id)).toMatchObject({ state: 'disabled', reason: 'switched off' })
    say('unheard')
    await me.ok('PUT', `/webhooks/${id}`, { enabled: true })
    say('heard')
    await other.message('heard')
    expect(other.texts).toEqual(['moved', 'heard'])
    await me.ok('DELETE', `/webhooks/${id}`)
    expect((await me.call('GET', `/webhooks/${id}`)).status).toBe(404)
  })

  it('[WE4] hear of the chats they want', async () => {
    const { me, chatId, receiver, id, say } = await create({
      chats: { exclude: ['-1'] },
      events: 'Message',
    })
    say('wanted')
    await receiver.message('wanted')
    // What waits while filters change is judged by the new ones.
    await expect.poll(() => deliveriesOf(me, id)).toHaveLength(1)
    await me.ok('PUT', `/webhooks/${id}`, { chats: { exclude: [chatId] } })
    say('unwanted')
    await me.session.event('Message', (body) => body.event?.message?.text === 'unwanted')
    const made = await me.ok('PUT', `/webhooks/${id}`, { chats: { include: [chatId] } })
    expect(made.chats).toEqual({ include: [String(chatId)] })
    say('again')
    await receiver.message('again')
    expect(receiver.texts).toEqual(['wanted', 'again'])
    expect(await me.ok('PUT', `/webhooks/${id}`, { chats: null })).toMatchObject({ chats: null })
  })

  it('[WE5] change their secret without a moment at which nothing verifies', async () => {
    const { me, receiver, id, say } = await create()
    const old = receiver.secret
    const { secret } = await me.ok('POST', `/webhooks/${id}/secret`)
    expect(secret).not.toBe(old)
    say('old key')
    await receiver.message('old key')
    receiver.secret = String(secret)
    say('new key')
    await receiver.message('new key')
    expect(await me.ok('GET', `/webhooks/${id}`)).toMatchObject({ secret })
    const own = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
    await me.ok('POST', `/webhooks/${id}/secret`, { secret: own, keepOldHours: 0 })
    receiver.secret = own
    say('chosen key')
    await receiver.message('chosen key')
    expect(receiver.refused).toEqual([])
  })

  it('[WE6] wait while they are paused and lose nothing', async () => {
    const { me, receiver, id, say } = await create()
    expect(await me.ok('POST', `/webhooks/${id}/pause`)).toMatchObject({
      status: { state: 'paused' },
    })
    say('later')
    await me.session.event('Message', (body) => body.event?.message?.text === 'later')
    expect(receiver.texts).toEqual([])
    await me.ok('POST', `/webhooks/${id}/resume`)
    await receiver.message('later')
  })

  it('[WE7] end with 410, which the others are told, until they are enabled again', async () => {
    const { me, receiver, id, say } = await create()
    receiver.answerWith(410)
    say('gone')
    const told = await me.session.event('WebhookDisabled')
    expect(told).toMatchObject({ webhookId: id, reason: 'the receiver answered 410 Gone' })
    expect(await statusOf(me, id)).toMatchObject({ state: 'disabled', reason: told.reason })
    expect(await me.ok('GET', '/session/status')).toMatchObject({
      delivery: { failing: true, disabled: [{ id }] },
    })
    expect((await me.call('POST', `/webhooks/${id}/replay`)).status).toBe(409)
    receiver.answerWith(200)
    await me.ok('POST', `/webhooks/${id}/resume`)
    say('back')
    await receiver.message('back')
    expect(await me.ok('POST', `/webhooks/${id}/replay`, { types: 'Message' })).toMatchObject({
      events: 2,
    })
    await receiver.message('gone')
  })

  it('[WE8] that are made for nobody or by nobody are refused', async () => {
    const { me, receiver, id } = await create()
    const refusals = [
      [{ url: 'ftp://example.com' }, 'url'],
      [{ url: 'https://user:secret@example.com' }, 'url'],
      [{ headers: { 'webhook-signature': 'forged' } }, 'headers.webhook-signature'],
      [{ headers: { Connection: 'close' } }, 'headers.Connection'],
      [{ headers: { 'x-a': 'a\r\nb: c' } }, 'headers.x-a'],
      [{ events: 'Massage' }, 'events.0'],
      [{ timeoutMs: 100 }, 'timeoutMs'],
      [{ scheduleMs: Array(21).fill(5_000) }, 'scheduleMs'],
      [{ batch: { maxEvents: 101 } }, 'batch.maxEvents'],
      [{ batch: { maxEvents: 10 }, format: 'form' }, 'batch'],
      [{ chats: { includes: [1] } }, 'chats'],
    ] as const
    for (const [body, field] of refusals) {
      const answer = await me.call('PUT', `/webhooks/${id}`, body)
      expect([answer.status >= 400 && answer.status < 404, answer.body.field]).toEqual([
        true,
        field,
      ])
      expect(answer.text).not.toContain('secret@')
    }
    for (let i = 1; i < 20; i += 1) await me.ok('POST', '/webhooks', { url: receiver.url })
    const answer = await me.call('POST', '/webhooks', { url: receiver.url })
    expect([answer.status, answer.body.code]).toEqual([409, 'CONFLICT'])
  })

  it('[WE9] that change twice at once keep both changes', async () => {
    const { me, id } = await create()
    await Promise.all([
      me.ok('PUT', `/webhooks/${id}`, { headers: { 'x-one': '1' } }),
      me.ok('PUT', `/webhooks/${id}`, { headers: { 'x-two': '2' }, order: 'strict' }),
      me.ok('PUT', `/webhooks/${id}`, { description: 'three' }),
    ])
    expect(await me.ok('GET', `/webhooks/${id}`)).toMatchObject({
      headerNames: ['x-one', 'x-two'],
      order: 'strict',
      description: 'three',
    })
  })
})

describe('an endpoint made under an Idempotency-Key', () => {
  it('[ID8] is told again with the secret that it has by now, which is not kept with the answer', async () => {
    const { me } = await edge.enterPair()
    const add = () =>
      me.call('POST', '/webhooks', { url: 'https://example.com/' }, { 'idempotency-key': 'k' })
    const { id, secret } = (await add()).body
    await me.ok('POST', `/webhooks/${id}/secret`, {})
    const again = await add()
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.body.id).toBe(id)
    expect(again.body.secret).not.toBe(secret)
    expect(again.body.secret).toBe((await me.ok('GET', `/webhooks/${id}`)).secret)
  })
})

describe('the endpoint of /webhook', () => {
  it('[WE10] is the one called default, whichever way it is set', async () => {
    const { me, say } = await create()
    const receiver = await receive()
    const { secret } = await me.ok('POST', '/webhook', { webhook: receiver.url, events: 'Message' })
    receiver.secret = String(secret)
    say('one')
    await receiver.message('one')
    expect(await me.ok('GET', '/webhooks/default')).toMatchObject({
      url: receiver.url,
      events: ['Message'],
      secret,
    })
    const other = await receive()
    other.secret = String(secret)
    await me.ok('PUT', '/webhooks/default', { url: other.url, timeoutMs: 5_000 })
    say('two')
    await other.message('two')
    expect(await me.ok('GET', '/webhook')).toMatchObject({
      webhook: other.url,
      events: ['Message'],
    })
    await me.ok('POST', '/session/connect', { subscribe: 'All' })
    expect(await me.ok('GET', '/webhooks/default')).toMatchObject({
      events: ['All'],
      timeoutMs: 5_000,
    })
    await me.ok('DELETE', '/webhooks/default')
    expect(await me.ok('GET', '/webhook')).toMatchObject({ webhook: '', secret })
    expect((await me.call('GET', '/webhooks/default')).status).toBe(404)
    await me.ok('POST', '/webhook', { webhook: receiver.url })
    expect(await me.ok('GET', '/webhooks/default')).toMatchObject({ timeoutMs: 15_000, secret })
  })
})

describe('deliveries', () => {
  it('[WE11] are all listed, and can be asked for again', async () => {
    const { me, receiver, id, say } = await create({ scheduleMs: [], events: 'Message' })
    receiver.answerWith(503)
    say('lost?')
    await expect.poll(() => statusOf(me, id)).toMatchObject({ parked: 1 })
    const [failed] = await deliveriesOf(me, id)
    expect(failed).toMatchObject({
      type: 'Message',
      attempt: 1,
      outcome: 'parked',
      httpStatus: 503,
      error: 'the receiver answered 503',
      replay: false,
    })
    receiver.answerWith(200)
    await me.ok('POST', `/webhooks/${id}/resume`)
    await me.ok('POST', `/webhooks/${id}/deliveries/${failed?.id}/retry`)
    const { headers } = await receiver.message('lost?')
    expect(headers).toMatchObject({ 'maxapi-replay': 'true', 'webhook-id': failed?.eventId })
    await expect.poll(() => statusOf(me, id)).toMatchObject({ parked: 0 })
    await me.ok('POST', `/webhooks/${id}/deliveries/${failed?.eventId}/retry`)
    await receiver.waitFor('the event again', ({ received }) => received.length === 2)
    await expect.poll(() => deliveriesOf(me, id)).toHaveLength(3)
    const page = await me.ok('GET', `/webhooks/${id}/deliveries?limit=2`)
    expect(page.deliveries).toMatchObject([{ outcome: 'delivered' }, { outcome: 'delivered' }])
    const rest = await deliveriesOf(me, id, `?limit=2&cursor=${page.nextCursor}`)
    expect(rest).toEqual([failed])
    expect(await deliveriesOf(me, id, '?status=failed')).toEqual([failed])
    for (const unknown of ['dlv_999', 'evt_unknown', 'x']) {
      const answer = await me.call('POST', `/webhooks/${id}/deliveries/${unknown}/retry`)
      expect(answer.status).toBe(404)
    }
  })

  it('[WE12] of the past come again beside the live ones', async () => {
    const { me, receiver, id, say } = await create()
    say('first')
    await receiver.message('first')
    const { body } = await receiver.message('first')
    say('second')
    await receiver.message('second')
    const since = body.timestamp
    const { events } = await me.ok('POST', `/webhooks/${id}/replay`, { since, types: ['Message'] })
    expect(events).toBe(2)
    const replayed = () => receiver.received.filter(({ headers }) => headers['maxapi-replay'])
    await receiver.waitFor('both again', () => replayed().length === 2)
    expect(replayed().map(({ body: { event } }) => event?.message?.text)).toEqual([
      'first',
      'second',
    ])
    expect(await me.ok('POST', `/webhooks/${id}/replay`, { onlyFailed: true })).toMatchObject({
      events: 0,
    })
  })

  it('[WE13] can be tried out', async () => {
    const { me, receiver, id } = await create()
    const good = await me.ok('POST', `/webhooks/${id}/test`)
    expect(good).toMatchObject({ delivered: true, httpStatus: 200 })
    expect(receiver.received.at(-1)).toMatchObject({ type: 'Test', id: good.eventId })
    receiver.answerWith(404)
    expect(await me.ok('POST', `/webhooks/${id}/test`)).toMatchObject({
      delivered: false,
      httpStatus: 404,
      error: 'the receiver answered 404',
    })
    await receiver.close()
    expect(await me.ok('POST', `/webhooks/${id}/test`)).toMatchObject({
      delivered: false,
      error: 'cannot reach the receiver',
    })
    expect(await statusOf(me, id)).toMatchObject({ failures: 0 })
  })

  it('[WE14] come in batches if asked to', async () => {
    const { me, receiver, id, say } = await create({
      batch: { maxEvents: 3, maxWaitMs: 60_000 },
      events: 'Message',
      enabled: false,
    })
    await me.ok('PUT', `/webhooks/${id}`, { enabled: true })
    for (const text of ['a', 'b', 'c']) say(text)
    await receiver.waitFor('a batch', ({ received }) => received.length > 0)
    const bodies = receiver.received[0]?.body as unknown as {
      event: { message: { text: string } }
    }[]
    expect(bodies.map(({ event }) => event.message.text)).toEqual(['a', 'b', 'c'])
    await expect
      .poll(() => deliveriesOf(me, id))
      .toMatchObject([{ events: 3, outcome: 'delivered' }])
  })
})
