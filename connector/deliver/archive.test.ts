import { gunzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Arrived, destinationContract, type Fault } from '../../test/contract/destination.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { type S3Server, startS3 } from '../../test/support/s3-server.ts'
import { s3Store } from '../storage/s3-store.ts'
import type { LoggedEvent } from '../store.ts'
import { archive, archivedEvents } from './archive.ts'

const TRANSFER_MS = 16 * 60_000

/** The archive of a tenant in an S3 of the test's own. */
const create = async () => {
  const server = await startS3()
  onTestFinished(() => server.close())
  const clock = new FakeClock(Date.now())
  const open = (secretKey = server.secretKey) =>
    archive({
      tenantId: 't-1',
      events: ['All'],
      store: s3Store({
        settings: { ...server, endpoint: server.url, pathStyle: true, secretKey },
        clock,
        fetch,
      }),
    })
  return { server, clock, open }
}

const linesOf = (packed: Uint8Array): string[] =>
  gunzipSync(packed).toString().trimEnd().split('\n')

/** What a reader of the archive finds. */
const arrivals = (server: S3Server): Arrived[] =>
  [...server.objects.values()].flatMap(({ bytes, at }) =>
    linesOf(bytes).map((body) => {
      const { id, sequence } = JSON.parse(body) as { id: string; sequence: number }
      const type = sequence % 2 === 0 ? 'Typing' : 'Message'
      return { id, type, timestamp: at.getTime() / 1000, body }
    }),
  )

destinationContract('archive', {
  // An event that comes again replaces itself.
  keepsOnce: true,
  faults: ['silent', 'failing', 'unauthorized', 'endless'],
  create: async () => {
    const { server, clock, open } = await create()
    const statuses: Partial<Record<Fault, number>> = { failing: 503, unauthorized: 403 }
    return {
      destination: open(),
      secrets: [server.secretKey, server.accessKey],
      arrived: async () => arrivals(server),
      misbehave: (fault) => {
        server.fault = (request, response) => {
          request.resume()
          if (fault === 'silent') return
          response.writeHead(statuses[fault] ?? 200)
          if (fault === 'endless') response.write('more '.repeat(1_000))
          else response.end()
        }
      },
      runOut: async () => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        await clock.advance(TRANSFER_MS)
      },
    }
  },
})

describe('archive', () => {
  it('[AR1] keeps the hours apart, and replaces what it wrote before a crash', async () => {
    const { server, open } = await create()
    const at = (sequence: number, time: string): LoggedEvent => ({
      sequence,
      id: `evt_${sequence}`,
      type: 'Message',
      lane: 0,
      chatId: '7',
      createdAt: Date.parse(time),
      body: `{"sequence":${sequence}}`,
    })
    const one = at(7, '2026-11-25T04:59:59.000Z')
    const two = at(8, '2026-11-25T05:00:00.000Z')
    const three = at(9, '2026-11-25T05:30:00.000Z')
    const facts = { attempt: 1, replay: false }
    await open().deliver([one, two], facts)
    await open().deliver([one, two, three], facts)
    expect([...server.objects].map(([key, { bytes }]) => [key, linesOf(bytes)])).toEqual([
      ['events/t-1/2026/11/25/04/000000000007.ndjson.gz', [one.body]],
      ['events/t-1/2026/11/25/05/000000000008.ndjson.gz', [two.body, three.body]],
    ])
  })

  it('keeps nothing unless it is asked for, and names a wrong variable', () => {
    expect(archivedEvents(undefined)).toEqual([])
    expect(archivedEvents('Message,ReadReceipt')).toEqual(['Message', 'ReadReceipt'])
    expect(() => archivedEvents('secret')).toThrow('MAXAPI_ARCHIVE_EVENTS: unknown event name')
  })
})
