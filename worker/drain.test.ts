import { expect, it } from 'vitest'
import { Drain } from './drain.ts'

const request = new Request('http://gateway/health')

it('lets what is under way finish and refuses what comes after', async () => {
  const drain = new Drain()
  let finish: (answer: Response) => void = () => {}
  const slow = drain.serve(request, () => new Promise((resolve) => (finish = resolve)))
  let waits = 0
  const stopped = drain.stop(async () => {
    waits += 1
    if (waits === 3) finish(new Response('done'))
  })
  const late = await drain.serve(request, () => new Response('never'))
  expect(late.status).toBe(503)
  expect(late.headers.get('retry-after')).toBe('2')
  await stopped
  expect(waits).toBeGreaterThanOrEqual(3)
  expect(await (await slow).text()).toBe('done')
})

it('does not wait for a read that waits for events itself', async () => {
  const drain = new Drain()
  const read = new Request('http://gateway/events?after=1&wait=30')
  void drain.serve(read, () => new Promise(() => {}))
  await drain.stop(() => Promise.reject(new Error('it waited')))
})

it('waits for no request longer than five seconds', async () => {
  const drain = new Drain()
  void drain.serve(request, () => new Promise(() => {}))
  let waitedMs = 0
  await drain.stop(async (ms) => {
    waitedMs += ms
  })
  expect(waitedMs).toBe(5_000)
})
