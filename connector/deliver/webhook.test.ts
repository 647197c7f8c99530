import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { newEventId } from '../event-id.ts'
import { Outbound } from '../outbound-fetch.ts'
import { newSigningSecret, type SigningSecret, traceparent } from './signature.ts'
import { retryAfter, type WebhookOptions, webhook } from './webhook.ts'

const event = {
  sequence: 7,
  id: 'evt_52b49d9e1df64b7f9e4eb0ce1a2cbf8a',
  type: 'Message',
  lane: 0,
  chatId: '42',
  createdAt: 0,
  body: '{"id":"evt_52b49d9e1df64b7f9e4eb0ce1a2cbf8a","type":"Message","event":{"text":"Привет"}}',
}
const first = { attempt: 1, replay: false }

/** A webhook whose requests go to `answer` instead of the network. */
const create = (
  answer: (request: Request) => Response | Promise<Response>,
  options: Partial<WebhookOptions> & {
    allowPrivate?: boolean
    signing?: SigningSecret[]
    headers?: Record<string, string>
  } = {},
) => {
  const secret = newSigningSecret()
  const seen: Request[] = []
  const clock = new FakeClock(Date.now())
  const { allowPrivate = false, signing = [{ secret }], headers = {}, ...rest } = options
  const outbound = new Outbound({
    policy: { allowPrivate },
    clock,
    fetch: async (url, init) => {
      const request = new Request(url, init)
      seen.push(request.clone() as Request)
      return answer(request)
    },
  })
  const destination = webhook(
    {
      id: 'default',
      url: 'https://example.com/hook',
      format: 'json',
      wants: () => true,
      secrets: async () => ({ signing, headers }),
      ...rest,
    },
    { outbound, clock },
  )
  return { destination, secret, seen, clock }
}

describe('webhook', () => {
  it('[WH1] is signed so that the public library accepts it', async () => {
    const { destination, secret, seen } = create(() => new Response('ok'))
    expect(await destination.deliver([event], { attempt: 3, replay: false })).toMatchObject({
      kind: 'delivered',
    })
    const request = seen[0]!
    const body = await request.text()
    expect(body).toBe(event.body)
    const headers = Object.fromEntries(request.headers)
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(event.body))
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': event.id,
      'maxapi-event': 'Message',
      'maxapi-sequence': '7',
      'maxapi-attempt': '3',
    })
    expect(() => new Webhook(secret).verify(body.replace('П', 'п'), headers)).toThrow()
  })

  it('[WH2] sends the form that the original sent, signed too', async () => {
    const { destination, secret, seen } = create(() => new Response(), { format: 'form' })
    await destination.deliver([event], first)
    const body = await seen[0]!.text()
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      id: event.id,
      type: 'Message',
      event: '{"text":"Привет"}',
    })
    const headers = Object.fromEntries(seen[0]!.headers)
    expect(() => new Webhook(secret).verify(body, headers)).toThrow(SyntaxError)
  })

  it.each([
    [200, { kind: 'delivered' }],
    [204, { kind: 'delivered' }],
    [301, { kind: 'failed', error: 'the receiver answered 301' }],
    [404, { kind: 'failed', error: 'the receiver answered 404' }],
    [500, { kind: 'failed', error: 'the receiver answered 500' }],
    [410, { kind: 'gone', error: 'the receiver answered 410 Gone' }],
  ])('[WH3] takes status %i for %o', async (status, outcome) => {
    const { destination } = create(() => new Response(null, { status }))
    expect(await destination.deliver([event], first)).toEqual({
      ...outcome,
      answer: { status, body: '' },
    })
  })

  it('[WH4] passes on how long the receiver wants to be left alone', async () => {
    const { destination } = create(
      () => new Response(null, { status: 429, headers: { 'retry-after': '120' } }),
    )
    expect(await destination.deliver([event], first)).toMatchObject({
      retryAfterMs: 120_000,
    })
    const at = Date.parse('2026-11-23T00:00:00Z')
    expect(retryAfter('Mon, 23 Nov 2026 00:01:00 GMT', at)).toBe(60_000)
    expect(retryAfter('soon', at)).toBeUndefined()
    expect(retryAfter(null, at)).toBeUndefined()
  })

  it('[WH5] gives up on a receiver that does not answer, and says nothing of the URL', async () => {
    const { destination, clock } = create(
      (request) =>
        new Promise((_resolve, reject) => {
          request.signal.addEventListener('abort', () => reject(new Error(request.url)))
        }),
      { url: 'https://example.com/hook?key=secret' },
    )
    const outcome = destination.deliver([event], first)
    // The request leaves only after its signature was computed on another thread.
    while (clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(15_000)
    expect(await outcome).toEqual({ kind: 'failed', error: 'no answer within 15 s' })
    expect(clock.pendingTimers).toBe(0)
  })

  it('[WH6] reads only the start of an endless answer', async () => {
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(512))
      },
    })
    const { destination } = create(() => new Response(endless))
    expect(await destination.deliver([event], first)).toMatchObject({
      kind: 'delivered',
    })
    expect(pulled).toBeLessThan(10)
  })

  it('[WH7] never calls an address of the own network unless allowed', async () => {
    const url = 'http://127.0.0.1:9000/'
    const refused = create(() => new Response(), { url })
    expect(await refused.destination.deliver([event], first)).toMatchObject({ kind: 'failed' })
    expect(refused.seen).toEqual([])
    const allowed = create(() => new Response(), { url, allowPrivate: true })
    expect(await allowed.destination.deliver([event], first)).toMatchObject({
      kind: 'delivered',
    })
  })

  it('[WH8] signs with the old secret too until its time has come', async () => {
    const old = newSigningSecret()
    const secret = newSigningSecret()
    const { destination, seen, clock } = create(() => new Response(), {
      signing: [{ secret }, { secret: old, until: Date.now() + 60_000 }],
    })
    await destination.deliver([event], first)
    await clock.advance(60_000)
    await destination.deliver([event], first)
    const [before, after] = seen.map((request) => Object.fromEntries(request.headers))
    expect(before?.['webhook-signature']?.split(' ')).toHaveLength(2)
    for (const each of [secret, old]) new Webhook(each).verify(event.body, before ?? {})
    new Webhook(secret).verify(event.body, after ?? {})
    expect(() => new Webhook(old).verify(event.body, after ?? {})).toThrow()
  })

  it('[WH8] signs nothing without a secret', async () => {
    const { destination, seen } = create(() => new Response(), { signing: [] })
    await destination.deliver([event], first)
    expect(seen[0]?.headers.has('webhook-signature')).toBe(false)
  })

  it('[WH9] sends x-hmac-signature as receivers of other gateways expect it', async () => {
    const { destination, secret, seen } = create(() => new Response(), { hmac: true })
    await destination.deliver([event], first)
    const expected = createHmac('sha256', secret).update(event.body).digest('hex')
    expect(seen[0]?.headers.get('x-hmac-signature')).toBe(expected)
  })

  it('[WH10] sends own headers, and never lets them replace ours', async () => {
    const headers = { authorization: 'Bearer 1', 'webhook-id': 'forged' }
    const { destination, seen } = create(() => new Response(), { headers })
    await destination.deliver([event], { attempt: 1, replay: true })
    expect(Object.fromEntries(seen[0]?.headers ?? [])).toMatchObject({
      authorization: 'Bearer 1',
      'webhook-id': event.id,
      'maxapi-replay': 'true',
    })
  })

  it('[WH11] carries a trace that all attempts at an event share', async () => {
    const { destination, seen } = create(() => new Response())
    await destination.deliver([event], first)
    await destination.deliver([event], { attempt: 2, replay: false })
    const traces = seen.map((request) => request.headers.get('traceparent') ?? '')
    for (const trace of traces) {
      expect(trace).toMatch(/^00-e27a87b2a27c4b7f9e4eb0ce1a2cbf8a-[0-9a-f]{16}-01$/)
    }
    expect(new Set(traces).size).toBe(2)
    expect(traceparent('evt_short', 1)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  })

  it('[WH11] gives each event a trace of its own, random at both of its ends', () => {
    const traces = Array.from({ length: 1_000 }, (_, n) => traceparent(newEventId(n + 1), 1))
    expect(new Set(traces.map((trace) => trace.slice(3, 35))).size).toBe(1_000)
    // Of 4,096 values a thousand random draws hit about 890.
    for (const end of [3, 32]) {
      expect(new Set(traces.map((trace) => trace.slice(end, end + 3))).size).toBeGreaterThan(700)
    }
  })

  it('[WH12] sends a batch as an array, under an id of its own', async () => {
    const batch = { maxEvents: 10, maxWaitMs: 0 }
    const { destination, secret, seen } = create(() => new Response(), { batch })
    const next = { ...event, sequence: 9, id: 'evt_2', body: '{"id":"evt_2"}' }
    await destination.deliver([event, next], first)
    const [request] = seen
    const body = (await request?.text()) ?? ''
    expect(JSON.parse(body)).toEqual([JSON.parse(event.body), { id: 'evt_2' }])
    const headers = Object.fromEntries(request?.headers ?? [])
    new Webhook(secret).verify(body, headers)
    expect(headers).toMatchObject({
      'webhook-id': 'bat_52b49d9e1df64b7f9e4eb0ce1a2cbf8a_2',
      'maxapi-event': 'batch',
      'maxapi-sequence': '7-9',
    })
  })

  it('[WH13] keeps the start of what the receiver answered', async () => {
    const { destination } = create(() => new Response('é'.repeat(2_000), { status: 500 }))
    const { answer } = await destination.deliver([event], first)
    expect(answer).toMatchObject({ status: 500 })
    expect(answer?.body).toMatch(/^é{512}$/)
  })
})
