/// <reference types="@cloudflare/vitest-plugin/types" />
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { events } from '../schema/events.ts'
import type { Env } from '../worker/env.ts'
import worker from '../worker/index.ts'
import { d1Target, migrate } from '../worker/migrate.ts'
import type { Session } from './session.ts'

const env = bindings as unknown as Env & {
  TEST_MIGRATIONS: { name: string; queries: string[] }[]
}
const { SESSION } = bindings as unknown as { SESSION: DurableObjectNamespace<Session> }
const object = (id: string) => SESSION.getByName(id)

beforeAll(async () => {
  const migrations = env.TEST_MIGRATIONS.map(({ name, queries }) => ({
    name,
    sql: queries.join('--> statement-breakpoint'),
  }))
  await migrate(migrations, d1Target(env.DB))
})

const call = async (method: string, path: string, headers: object, body?: object) => {
  const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }
  const request = new Request(`http://gateway${path}`, init as RequestInit)
  return worker.fetch(request as Parameters<typeof worker.fetch>[0], env)
}
const admin = { authorization: `Bearer ${env.MAXAPI_ADMIN_TOKEN}` }

interface Tenant {
  id: string
  token: string
}
const createTenant = async (): Promise<Tenant> => {
  const tenant = (await (
    await call('POST', '/admin/users', admin, { sandbox: true })
  ).json()) as Tenant
  // The object learns of its tenant with the first call.
  await call('GET', '/session/status', { token: tenant.token })
  return tenant
}

/** Appends an event without a connection to MAX, which would hold up the eviction. */
const happen = ({ token }: Tenant) => call('POST', '/session/logout', { token })

interface Stream {
  socket: WebSocket
  messages: string[]
  closed: Promise<CloseEvent>
  /** Resolves when there are so many messages. */
  received(count: number): Promise<string[]>
}

const accept = (response: Response): Stream => {
  const socket = response.webSocket
  if (socket === null) throw new Error(`no web socket: ${response.status}`)
  const messages: string[] = []
  const waiting = new Set<() => void>()
  socket.accept()
  socket.addEventListener('message', ({ data }) => {
    messages.push(String(data))
    for (const look of waiting) look()
  })
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener('close', resolve))
  return {
    socket,
    messages,
    closed,
    received: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (messages.length < count) return
          waiting.delete(look)
          resolve(messages.slice(0, count))
        }
        waiting.add(look)
        look()
      }),
  }
}

const connect = async ({ token }: Tenant, query = '', headers: object = {}): Promise<Stream> =>
  accept(await call('GET', `/events/stream${query}`, { upgrade: 'websocket', token, ...headers }))

const stored = async ({ id }: Tenant): Promise<string[]> =>
  runInDurableObject(object(id), (_object, { storage }) =>
    storage.sql
      .exec('SELECT body FROM events ORDER BY sequence')
      .toArray()
      .map(({ body }) => String(body)),
  )

describe('a web socket on the log', () => {
  it('[RD5] gets the stored bytes, over the eviction of the object, each event once', async () => {
    const tenant = await createTenant()
    await happen(tenant)
    const before = await stored(tenant)
    expect(before.length).toBeGreaterThan(0)
    const stream = await connect(tenant, '?after=0&reader=browser')
    expect(await stream.received(before.length)).toEqual(before)

    await evictDurableObject(object(tenant.id))
    await happen(tenant)
    const after = await stored(tenant)
    expect(after.length).toBeGreaterThan(before.length)
    expect(await stream.received(after.length)).toEqual(after)

    await evictDurableObject(object(tenant.id))
    stream.socket.send(JSON.stringify({ ack: after.length }))
    await expect
      .poll(async () => (await call('GET', '/events/readers', { token: tenant.token })).json())
      .toMatchObject({ readers: [{ reader: 'browser', sequence: after.length, pending: 0 }] })
    expect(stream.messages).toEqual(after)
    stream.socket.close()
  })

  it('answers ping without waking the object, and closes a client that says something else', async () => {
    const stream = await connect(await createTenant())
    stream.socket.send('ping')
    expect(await stream.received(1)).toEqual(['pong'])
    stream.socket.send('hello')
    expect(await stream.closed).toMatchObject({ code: 4400 })
  })

  it('keeps the longest filter over an eviction', async () => {
    const tenant = await createTenant()
    const types = Object.keys(events).join(',')
    const chats = Array.from({ length: 100 }, (_, n) => `-${'9'.repeat(15)}${n}`).join(',')
    const stream = await connect(tenant, `?types=${types}&chats=${chats}`)
    await evictDurableObject(object(tenant.id))
    await happen(tenant)
    expect(await stream.received(1)).toEqual([expect.stringContaining('"type"')])
    stream.socket.close()
  })

  it('takes the token of a browser as a subprotocol and does not repeat it', async () => {
    const tenant = await createTenant()
    const secret = `maxapi.token.${Buffer.from(tenant.token).toString('base64url')}`
    const open = (protocols: string) =>
      call('GET', '/events/stream', { upgrade: 'websocket', 'sec-websocket-protocol': protocols })
    const response = await open(`maxapi.events, ${secret}`)
    expect(response.status).toBe(101)
    expect(response.headers.get('sec-websocket-protocol')).toBe('maxapi.events')
    accept(response).socket.close()
    const alone = await open(secret)
    expect([alone.status, await alone.json()]).toMatchObject([400, { code: 'INVALID_INPUT' }])
    expect((await open('maxapi.events, maxapi.token.d3Jvbmc')).status).toBe(401)
  })

  it('[RD7] is closed when its token ends, and refused when there are too many', async () => {
    const tenant = await createTenant()
    const streams = await Promise.all(Array.from({ length: 20 }, () => connect(tenant)))
    const headers = { upgrade: 'websocket', token: tenant.token }
    const more = await call('GET', '/events/stream', headers)
    expect([more.status, await more.json()]).toMatchObject([409, { code: 'CONFLICT' }])
    await call('POST', `/admin/users/${tenant.id}/token`, admin)
    for (const { closed } of streams) expect(await closed).toMatchObject({ code: 4401 })
  })

  it('[RD7] is closed when its tenant is deleted', async () => {
    const tenant = await createTenant()
    const { closed } = await connect(tenant)
    await call('DELETE', `/admin/users/${tenant.id}`, admin)
    expect(await closed).toMatchObject({ code: 4401 })
  })

  it('[RD2] hears 410 with the oldest event when its place is gone, like the other readers', async () => {
    const tenant = await createTenant()
    for (let n = 0; n < 3; n += 1) await happen(tenant)
    await runInDurableObject(object(tenant.id), (_object, { storage }) => {
      storage.sql.exec('DELETE FROM events WHERE sequence < 3')
    })
    const { token } = tenant
    for (const [path, headers] of [
      ['/events', {}],
      ['/events/stream', {}],
      ['/events/stream', { upgrade: 'websocket' }],
    ] as const) {
      const answer = await call('GET', `${path}?after=1`, { token, ...headers })
      expect([answer.status, await answer.json()]).toMatchObject([
        410,
        { code: 'EVENTS_GONE', details: { oldest: 3 } },
      ])
    }
  })

  it('[RD2] is refused a place that the log does not have', async () => {
    const { token } = await createTenant()
    const answer = await call('GET', '/events/stream?after=9', { upgrade: 'websocket', token })
    expect([answer.status, await answer.json()]).toMatchObject([400, { field: 'after' }])
  })
})
