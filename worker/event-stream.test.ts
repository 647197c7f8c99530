import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LiveTenant, startLiveEdge } from '../test/support/live-edge.ts'
import { readSse, readSseUntil, type ServerSentEvent } from '../test/support/sse.ts'
import { withProtocolToken } from './event-stream.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
let me: LiveTenant
let friend: LiveTenant
let chatId: number
beforeAll(async () => {
  world = await startLiveEdge()
  ;({ me, friend, chatId } = await world.enterPair())
})
afterAll(() => world.close())

interface Page {
  events: { sequence: number; type: string }[]
  after: number
  hasMore: boolean
  oldest: number
}
const pull = async (query = ''): Promise<Page> =>
  (await me.ok('GET', `/events${query}`)) as unknown as Page
const newest = async () => Number((await me.ok('GET', '/events/readers')).newest)
const write = (text: string) => friend.ok('POST', '/chat/send/text', { chatId, text })
const stream = (query = '', headers: Record<string, string> = {}) =>
  Promise.resolve(
    world.edge.app.request(`/events/stream${query}`, { headers: { token: me.token, ...headers } }),
  )
const isMessage = (text: string) => (each: ServerSentEvent) =>
  each.event === 'Message' && each.data?.includes(JSON.stringify(text)) === true

describe('GET /events', () => {
  it('gives the log page by page, as it is stored', async () => {
    const all = await pull('?limit=500')
    const types = all.events.map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining(['Connected', 'Sync']))
    const first = await pull('?limit=1')
    expect(first).toMatchObject({ after: 1, hasMore: true, oldest: 1 })
    const rest = await pull(`?limit=500&after=${first.after}`)
    expect([...first.events, ...rest.events]).toEqual(all.events)
    expect(rest.hasMore).toBe(false)
  })

  it('waits for an event of the named types and answers as soon as it is there', async () => {
    const after = await newest()
    const waiting = pull(`?after=${after}&wait=30&types=Message&chats=${chatId}`)
    await write('for the one who waits')
    expect(await waiting).toMatchObject({
      events: [{ type: 'Message', event: { message: { text: 'for the one who waits' } } }],
      hasMore: false,
    })
  })

  it.each([
    ['types=Message,Unheard', 'types.1: unknown event name'],
    ['wait=31', /^wait: /],
    ['limit=501', /^limit: /],
    ['chats=abc', 'chats.0: expected ids of chats'],
    ['reader=a%20b', /^reader: expected 1 to 64/],
  ])('refuses %s', async (query, error) => {
    const answer = await me.call('GET', `/events?${query}`)
    expect(answer.status).toBe(400)
    expect(answer.body.error).toEqual(expect.stringMatching(error))
  })

  it('goes on where a named reader acknowledged', async () => {
    for (const text of ['a', 'b', 'c']) await write(text)
    await me.session.event('Message', ({ event }) => JSON.stringify(event).includes('"c"'))
    const path = '/events?reader=worker&limit=2'
    const first = await me.ok('GET', path)
    expect(await me.ok('GET', path)).toEqual(first)
    const acked = await me.ok('POST', '/events/ack', { reader: 'worker', sequence: first.after })
    expect(acked).toMatchObject({ reader: 'worker', sequence: 2 })
    expect((await me.ok('GET', path)).events).toMatchObject([{ sequence: 3 }, { sequence: 4 }])
    expect(await me.ok('GET', '/events/readers')).toMatchObject({ readers: [{ reader: 'worker' }] })
    await me.ok('DELETE', '/events/readers/worker')
    expect((await me.call('DELETE', '/events/readers/worker')).status).toBe(404)
    expect(await me.ok('GET', '/events/readers')).toMatchObject({ readers: [] })
  })
})

describe('GET /events/stream', () => {
  it('[RD8] begins with its place and then tells what happens, as stored', async () => {
    const begin = await newest()
    const response = await stream()
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('request-id')).not.toBeNull()
    const reading = readSseUntil(response, isMessage('hello stream'))
    await write('hello stream')
    const [place, ...events] = await reading
    expect(place).toEqual({ id: begin })
    const { events: stored } = await pull(`?after=${begin}`)
    expect(events.map(({ id, data }) => [id, JSON.parse(data ?? '')])).toEqual(
      stored.slice(0, events.length).map((event) => [event.sequence, event]),
    )
  })

  it('[RD1] resumes after the last id, which wins over the place in the URL', async () => {
    await write('one')
    await write('two')
    const seen = await readSseUntil(await stream('?after=1'), isMessage('two'))
    const two = seen.at(-1) as ServerSentEvent
    const one = seen.find(isMessage('one')) as ServerSentEvent
    const again = await readSseUntil(
      await stream('?after=1', { 'last-event-id': String(one.id) }),
      isMessage('two'),
    )
    expect(again[0]).toEqual({ id: one.id })
    expect(again.slice(1)).toEqual(seen.filter(({ id, event }) => event && id > one.id))
    expect(again.at(-1)).toEqual(two)
  })

  it('moves the place past what the filter leaves out', async () => {
    const begin = await newest()
    await write('not wanted')
    await me.session.event('Message', (body) => JSON.stringify(body).includes('not wanted'))
    const events = readSse(await stream(`?after=${begin}&types=Disconnected,Connected`))
    expect((await events.next()).value).toEqual({ id: begin })
    const next = events.next()
    await me.ok('POST', '/session/disconnect')
    expect((await next).value).toMatchObject({ event: 'Disconnected' })
    await events.return(undefined)
    await me.ok('POST', '/session/connect')
  })

  it('tells what is wrong before it begins', async () => {
    const wrong = await stream('', { 'last-event-id': 'x' })
    expect([wrong.status, await wrong.json()]).toMatchObject([400, { field: 'Last-Event-ID' }])
    const ahead = await stream('?after=999999')
    expect([ahead.status, await ahead.json()]).toMatchObject([400, { field: 'after' }])
    const stranger = await stream('', { token: 'wrong' })
    expect(stranger.status).toBe(401)
  })

  it('[RD8] shows every 15 s that it lives, with its place', async () => {
    const begin = await newest()
    const { session } = me
    const { invoke } = session
    const waits: unknown[] = []
    session.invoke = (name, input, context) => {
      if (name !== 'events.read') return invoke.call(session, name, input, context)
      waits.push((input as { waitMs: number }).waitMs)
      return invoke.call(session, name, { ...(input as object), waitMs: 0 }, context)
    }
    const reader = (await stream()).body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toBe(`: maxapi\nretry: 1000\nid: ${begin}\n\n`)
    expect((await reader?.read())?.value).toBe(`:\nid: ${begin}\n\n`)
    expect(waits[0]).toBe(15_000)
    await reader?.cancel()
    session.invoke = invoke
  })

  it('[RD8] reads nothing ahead of its client', async () => {
    const { session } = me
    const { invoke } = session
    let reads = 0
    session.invoke = (name, ...rest) => {
      if (name === 'events.read') reads += 1
      return invoke.call(session, name, ...rest)
    }
    const reader = (await stream('?after=0')).body?.getReader()
    await reader?.read()
    await new Promise((resolve) => setImmediate(resolve))
    expect(reads).toBe(0)
    await reader?.read()
    await new Promise((resolve) => setImmediate(resolve))
    expect(reads).toBe(1)
    await reader?.cancel()
    session.invoke = invoke
  })

  it('[RD7] ends when the token no longer counts', async () => {
    const { me: other } = await world.enterPair()
    const response = await world.edge.app.request('/events/stream?after=0', {
      headers: { token: other.token },
    })
    await world.edge.request('POST', `/admin/users/${other.id}/token`, { admin: true })
    // What it gets before is bounded by what it had asked for; then the stream ends.
    for await (const { id } of readSse(response)) expect(id).toBeGreaterThanOrEqual(0)
    const again = await world.edge.app.request('/events/stream', {
      headers: { token: other.token },
    })
    expect(again.status).toBe(401)
  })
})

describe('the token of a browser’s web socket', () => {
  const headersOf = (protocols: string, headers: object = { upgrade: 'websocket' }) =>
    withProtocolToken(
      new Request('http://gateway/events/stream', {
        headers: { ...headers, 'sec-websocket-protocol': protocols },
      }),
    )

  it('comes as a subprotocol, in base64url', () => {
    expect(headersOf('maxapi.events, maxapi.token.YWJj').get('token')).toBe('abc')
  })

  it('is none when no header could hold it', () => {
    const encoded = Buffer.from('a\nb').toString('base64url')
    expect(headersOf(`maxapi.events, maxapi.token.${encoded}`).get('token')).toBeNull()
  })

  it('counts for an upgrade only', () => {
    expect(headersOf('maxapi.token.YWJj', {}).get('token')).toBeNull()
  })
})
