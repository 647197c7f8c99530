import { describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import type { Tenant } from '../support/gateway.ts'
import { write } from '../support/people.ts'
import { readSse } from '../support/sse.ts'
import { type Stage, useWorld } from '../support/world.ts'

const FRIENDS = 4
const MESSAGES = 120

interface Event {
  sequence: number
  type: string
  event?: { message?: { text?: string } }
}

/** What one way of reading has got, whatever happened to the gateway in between. */
interface Reader {
  events: Event[]
  /** How often it had to begin again. */
  resumed: number
}
const after = ({ events }: Reader): number => events.at(-1)?.sequence ?? 0
const isDone = ({ events }: Reader): boolean =>
  events.filter(({ type }) => type === 'Message').length >= MESSAGES

/** Repeats a way of reading until it has everything: what a client does. */
const persist = async (read: (reader: Reader) => Promise<void>): Promise<Reader> => {
  const reader: Reader = { events: [], resumed: -1 }
  while (!isDone(reader)) {
    reader.resumed += 1
    await read(reader).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return reader
}

const byPull = ({ tenant }: Stage) =>
  persist(async (reader) => {
    while (!isDone(reader)) {
      const query = `after=${after(reader)}&limit=7&wait=30`
      reader.events.push(...(await tenant.get<{ events: Event[] }>(`/events?${query}`)).events)
    }
  })

/** The gateway keeps the place: what is acknowledged does not come again. */
const byName = ({ tenant }: Stage) =>
  persist(async (reader) => {
    while (!isDone(reader)) {
      const { events } = await tenant.get<{ events: Event[] }>('/events?reader=e2e&limit=5&wait=30')
      reader.events.push(...events.filter(({ sequence }) => sequence > after(reader)))
      await tenant.post('/events/ack', { reader: 'e2e', sequence: after(reader) })
    }
  })

const bySse = ({ gateway, tenant }: Stage) =>
  persist(async (reader) => {
    const response = await fetch(`${gateway.url}/events/stream`, {
      headers: { token: tenant.token, 'last-event-id': String(after(reader)) },
    })
    for await (const { data } of readSse(response)) {
      if (data !== undefined) reader.events.push(JSON.parse(data) as Event)
      if (isDone(reader)) break
    }
  })

const openSocket = (url: string, { token }: Tenant, place: number): WebSocket =>
  new WebSocket(`${url.replace('http', 'ws')}/events/stream?after=${place}`, [
    'maxapi.events',
    `maxapi.token.${Buffer.from(token).toString('base64url')}`,
  ])

const bySocket = ({ gateway, tenant }: Stage) =>
  persist(
    (reader) =>
      new Promise((resolve) => {
        const socket = openSocket(gateway.url, tenant, after(reader))
        socket.on('message', (data) => {
          reader.events.push(JSON.parse(String(data)) as Event)
          socket.send(JSON.stringify({ ack: after(reader) }))
          if (isDone(reader)) socket.close()
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      }),
  )

describe.each([
  0, 2,
])('a kill -9 in the middle of the log, with %i session processes', (processes) => {
  const { enterOnline } = useWorld('binary', { processes })

  it('[RD1] [RD5] every way of reading resumes exactly where it stopped', async () => {
    const stage = await enterOnline({ friends: FRIENDS })
    const { gateway, sandbox, person, receiver } = stage
    const readers = [byPull(stage), byName(stage), bySse(stage), bySocket(stage)]
    const writeTo = (count: number, from: number): void => {
      for (let n = from; n < count; n += 1) write(sandbox, person, `text ${n}`, n % FRIENDS)
    }
    writeTo(MESSAGES / 2, 0)
    await receiver.waitFor('some messages', ({ messages }) => messages.length >= 20)
    await gateway.kill()
    writeTo(MESSAGES * 0.75, MESSAGES / 2)
    await gateway.start()
    writeTo(MESSAGES, MESSAGES * 0.75)

    const results = await Promise.all(readers)
    const stored = (await stage.tenant.get<{ events: Event[] }>('/events?after=0&limit=500')).events
    for (const { events, resumed } of results) {
      expect(resumed).toBeGreaterThan(0)
      expect(events).toEqual(stored.slice(0, events.length))
    }
    const texts = stored.flatMap(({ event }) => event?.message?.text ?? [])
    expect(texts.sort()).toEqual(Array.from({ length: MESSAGES }, (_, n) => `text ${n}`).sort())
  })

  it('[RD8] streams do not hold up a stop, and the session is online under them', async () => {
    const stage = await enterOnline()
    const { gateway, tenant, sandbox, person } = stage
    const stream = await fetch(`${gateway.url}/events/stream`, { headers: { token: tenant.token } })
    const events = readSse(stream)
    await events.next()
    const polling = tenant.get('/events?after=1&types=Raw&wait=30').catch(() => 'cut off')
    write(sandbox, person, 'before the stop')
    for (let isThere = false; !isThere; ) {
      const { value } = await events.next()
      isThere = value?.data?.includes('before the stop') === true
    }
    expect(await tenant.get('/session/status')).toMatchObject({ state: 'online' })
    const began = Date.now()
    await gateway.stop()
    expect(Date.now() - began).toBeLessThan(4_000)
    expect(await polling).toBe('cut off')
    await gateway.start()
  })
})
