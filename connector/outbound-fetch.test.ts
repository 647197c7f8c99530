import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FakeClock } from '../test/support/fake-clock.ts'
import { Outbound, type OutboundDeps, OutboundError } from './outbound-fetch.ts'

/** A real server, so that bodies come in pieces and connections break as they do. */
const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path?key=secret`
}

const create = (deps: Partial<OutboundDeps> = {}) => {
  const clock = new FakeClock()
  const outbound = new Outbound({
    policy: { allowPrivate: true },
    clock,
    fetch: (url, init) => fetch(url, init),
    ...deps,
  })
  return { clock, outbound }
}

const limits = { timeoutMs: 5_000, maxBytes: 1_000 }
const faultOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => {
      expect(error).toBeInstanceOf(OutboundError)
      expect((error as Error).message).not.toContain('secret')
      return (error as OutboundError).fault
    },
  )
const readAll = async (body: ReadableStream<Uint8Array>): Promise<number> => {
  let size = 0
  for await (const chunk of body) size += chunk.length
  return size
}

describe('Outbound', () => {
  it('[OF1] reads the start of an answer, whatever its status, and stops there', async () => {
    const url = await serve((_request, answer) => {
      answer.writeHead(500, { 'x-answer': 'yes' })
      const more = (): void => {
        while (answer.write('x'.repeat(500))) {}
        answer.once('drain', more)
      }
      more()
    })
    const { outbound, clock } = create()
    const answer = await outbound.ask(url, limits)
    expect(answer).toMatchObject({ status: 500, truncated: true })
    expect(answer.headers.get('x-answer')).toBe('yes')
    expect(answer.body).toHaveLength(1_000)
    expect(clock.pendingTimers).toBe(0)
  })

  it('[OF2] never follows a redirect', async () => {
    const url = await serve((_request, answer) => {
      answer.writeHead(302, { location: 'http://169.254.169.254/' }).end('moved')
    })
    const answer = await create().outbound.ask(url, limits)
    expect([answer.status, new TextDecoder().decode(answer.body)]).toEqual([302, 'moved'])
  })

  it('[OF3] bounds time from the first byte to the last', async () => {
    const url = await serve((request, answer) => {
      if (request.method === 'POST') return
      answer.write('the rest never comes')
    })
    const { outbound, clock } = create()
    const silent = faultOf(outbound.ask(url, { ...limits, method: 'POST', body: 'x' }))
    await clock.advance(5_000)
    expect(await silent).toBe('timeout')
    const { body } = await outbound.download(url, limits)
    const slow = faultOf(readAll(body))
    await clock.advance(5_000)
    expect(await slow).toBe('timeout')
    expect(clock.pendingTimers).toBe(0)
  })

  it('[OF4] ends a download that is larger than allowed, announced or not', async () => {
    const url = await serve((request, answer) => {
      if (request.headers.announce) answer.setHeader('content-length', 5_000)
      answer.write('x'.repeat(2_500))
      answer.end('x'.repeat(2_500))
    })
    const { outbound, clock } = create()
    const announced = outbound.download(url, { ...limits, headers: { announce: 'yes' } })
    expect(await faultOf(announced)).toBe('too_large')
    const { body } = await outbound.download(url, limits)
    expect(await faultOf(readAll(body))).toBe('too_large')
    const whole = await outbound.download(url, { ...limits, maxBytes: 5_000 })
    expect([whole.status, await readAll(whole.body)]).toEqual([200, 5_000])
    const unread = await outbound.download(url, limits)
    await unread.body.cancel()
    expect(clock.pendingTimers).toBe(0)
  })

  it('[OF5] says nothing of the URL when the receiver cannot be reached', async () => {
    const { outbound, clock } = create()
    expect(await faultOf(outbound.ask('http://127.0.0.1:1/?key=secret', limits))).toBe(
      'unreachable',
    )
    expect(clock.pendingTimers).toBe(0)
  })

  it('[OF6] sends nothing where the guard forbids it, and goes the public way where it must', async () => {
    const ways: string[] = []
    const way = (name: string) => async () => {
      ways.push(name)
      return new Response()
    }
    const { outbound } = create({
      policy: { allowPrivate: false, allowLoopback: true },
      fetch: way('any'),
      publicFetch: way('public'),
    })
    expect(await faultOf(outbound.ask('https://10.0.0.1/?key=secret', limits))).toBe('refused')
    expect(ways).toEqual([])
    // A name may resolve to anything, so only this machine itself is reached past the public way.
    await outbound.ask('https://example.com/', limits)
    await outbound.ask('http://127.0.0.1:9000/', limits)
    expect(ways).toEqual(['public', 'any'])
  })
})
