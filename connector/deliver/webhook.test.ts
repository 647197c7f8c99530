import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { newSigningSecret, retryAfter, webhook } from './webhook.ts'

const event = {
  sequence: 7,
  id: 'evt_1',
  type: 'Message',
  lane: 0,
  chatId: '42',
  createdAt: 0,
  body: '{"id":"evt_1","type":"Message","event":{"text":"Привет"}}',
}

/** A webhook whose requests go to `answer` instead of the network. */
const create = (
  answer: (request: Request) => Response | Promise<Response>,
  options: { url?: string; format?: 'json' | 'form'; allowPrivate?: boolean } = {},
) => {
  const secret = newSigningSecret()
  const seen: Request[] = []
  const clock = new FakeClock(Date.now())
  const destination = webhook({
    id: 'default',
    url: options.url ?? 'https://example.com/hook',
    secret,
    format: options.format ?? 'json',
    policy: { allowPrivate: options.allowPrivate ?? false },
    wants: () => true,
    clock,
    fetch: async (url, init) => {
      const request = new Request(url, init)
      seen.push(request.clone() as Request)
      return answer(request)
    },
  })
  return { destination, secret, seen, clock }
}

describe('webhook', () => {
  it('[WH1] is signed so that the public library accepts it', async () => {
    const { destination, secret, seen } = create(() => new Response('ok'))
    expect(await destination.deliver([event], { attempt: 3, replay: false })).toEqual({
      kind: 'delivered',
    })
    const request = seen[0]!
    const body = await request.text()
    expect(body).toBe(event.body)
    const headers = Object.fromEntries(request.headers)
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(event.body))
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'evt_1',
      'maxapi-event': 'Message',
      'maxapi-sequence': '7',
      'maxapi-attempt': '3',
    })
    expect(() => new Webhook(secret).verify(body.replace('П', 'п'), headers)).toThrow()
  })

  it('[WH2] sends the form that the original sent, signed too', async () => {
    const { destination, secret, seen } = create(() => new Response(), { format: 'form' })
    await destination.deliver([event], { attempt: 1, replay: false })
    const body = await seen[0]!.text()
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      id: 'evt_1',
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
    expect(await destination.deliver([event], { attempt: 1, replay: false })).toEqual(outcome)
  })

  it('[WH4] passes on how long the receiver wants to be left alone', async () => {
    const { destination } = create(
      () => new Response(null, { status: 429, headers: { 'retry-after': '120' } }),
    )
    expect(await destination.deliver([event], { attempt: 1, replay: false })).toMatchObject({
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
    const outcome = destination.deliver([event], { attempt: 1, replay: false })
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
    expect(await destination.deliver([event], { attempt: 1, replay: false })).toEqual({
      kind: 'delivered',
    })
    expect(pulled).toBeLessThan(10)
  })

  it('[WH7] never calls an address of the own network unless allowed', async () => {
    const url = 'http://127.0.0.1:9000/'
    const refused = create(() => new Response(), { url })
    expect(await refused.destination.deliver([event], { attempt: 1, replay: false })).toMatchObject(
      { kind: 'failed' },
    )
    expect(refused.seen).toEqual([])
    const allowed = create(() => new Response(), { url, allowPrivate: true })
    expect(await allowed.destination.deliver([event], { attempt: 1, replay: false })).toEqual({
      kind: 'delivered',
    })
  })
})
