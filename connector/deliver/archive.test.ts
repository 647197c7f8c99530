import { describe, expect, it } from 'vitest'
import {
  describeDestination,
  eventsOf,
  loggedEvent,
  type Stand,
} from '../../test/contract/destination.ts'
import { startS3 } from '../../test/support/s3-server.ts'
import { systemClock } from '../clock.ts'
import { s3Store } from '../storage/s3-store.ts'
import { archive, archivedEvents } from './archive.ts'

const open = async () => {
  const server = await startS3()
  const settings = { ...server, endpoint: server.url, pathStyle: true }
  const create = (secretKey = server.secretKey) =>
    archive({
      tenantId: 't-1',
      events: ['All'],
      store: s3Store({ settings: { ...settings, secretKey }, clock: systemClock, fetch }),
    })
  return { server, create }
}

describeDestination('The archive', async (): Promise<Stand> => {
  const { server, create } = await open()
  return {
    destination: create(),
    got: async () => [...server.objects.values()].flatMap(({ bytes }) => eventsOf(bytes)),
    breakReceiver: () => {
      server.fault = (_request, response) => response.writeHead(503).end()
    },
    mend: () => {
      server.fault = undefined
    },
    withWrongSecret: () => create('wrong-secret'),
    close: () => server.close(),
  }
})

describe('archive', () => {
  it('[AR1] keeps the hours apart, and replaces what it wrote before a crash', async () => {
    const { server, create } = await open()
    const at = (sequence: number, time: string) =>
      loggedEvent(sequence, { createdAt: Date.parse(time) })
    const one = at(7, '2026-11-25T04:59:59.000Z')
    const two = at(8, '2026-11-25T05:00:00.000Z')
    const three = at(9, '2026-11-25T05:30:00.000Z')
    const facts = { attempt: 1, replay: false }
    await create().deliver([one, two], facts)
    await create().deliver([one, two, three], facts)
    const found = [...server.objects].map(([key, { bytes }]) => [
      key,
      eventsOf(bytes).map(({ id }) => id),
    ])
    expect(found).toEqual([
      ['events/t-1/2026/11/25/04/000000000007.ndjson.gz', ['evt_7']],
      ['events/t-1/2026/11/25/05/000000000008.ndjson.gz', ['evt_8', 'evt_9']],
    ])
    await server.close()
  })

  it('keeps nothing unless it is asked for, and names a wrong variable', () => {
    expect(archivedEvents(undefined)).toEqual([])
    expect(archivedEvents('Message,ReadReceipt')).toEqual(['Message', 'ReadReceipt'])
    expect(() => archivedEvents('secret')).toThrow('MAXAPI_ARCHIVE_EVENTS: unknown event name')
  })
})
