import { type EventName, eventListInput, wantsEvent } from '../../schema/events.ts'
import type { Destination, Events } from '../destination.ts'
import { OPERATOR_SCHEDULE_MS } from '../retry-schedule.ts'
import { type ObjectStore, StorageError } from '../storage/object-store.ts'
import type { LoggedEvent } from '../store.ts'

/** An object holds the events of a minute, or so many. */
const BATCH = { maxEvents: 1_000, maxWaitMs: 60_000 }

export interface ArchiveOptions {
  tenantId: string
  /** Names of the events to keep. */
  events: readonly string[]
  store: Pick<ObjectStore, 'put'>
}

/**
 * Keeps a tenant's events as gzipped NDJSON, one stored body a line, in objects per hour. An object is
 * named after its first event: what is written again after a crash replaces itself.
 */
export const archive = ({ tenantId, events, store }: ArchiveOptions): Destination => ({
  id: 'archive',
  url: 'archive:',
  order: 'strict',
  batch: BATCH,
  givesUp: false,
  scheduleMs: OPERATOR_SCHEDULE_MS,
  wants: ({ type }) => wantsEvent(events, type as EventName),
  deliver: async (batch) => {
    try {
      for (const [key, bodies] of byHour(tenantId, batch)) {
        await store.put(key, await gzip(`${bodies.join('\n')}\n`), {
          contentType: 'application/gzip',
        })
      }
      return { kind: 'delivered' }
    } catch (error) {
      const code = error instanceof StorageError ? error.code : (error as Error).name
      return { kind: 'failed', error: `archive: ${code}` }
    }
  },
})

/**
 * Names of the events that a deployment archives; none when the variable is not set.
 * @throws {Error} that names the variable
 */
export const archivedEvents = (names = ''): string[] => {
  const parsed = eventListInput.safeParse(names)
  if (!parsed.success) throw new Error('MAXAPI_ARCHIVE_EVENTS: unknown event name')
  return parsed.data
}

/** Bodies by the key of their object, in order. */
const byHour = (tenantId: string, batch: Events): Map<string, string[]> => {
  const objects = new Map<string, string[]>()
  let hour = ''
  let bodies: string[] = []
  for (const event of batch) {
    const own = hourOf(event)
    if (own !== hour) {
      hour = own
      bodies = []
      const first = String(event.sequence).padStart(12, '0')
      objects.set(`events/${tenantId}/${hour}/${first}.ndjson.gz`, bodies)
    }
    bodies.push(event.body)
  }
  return objects
}

/** `yyyy/mm/dd/hh`, in UTC. */
const hourOf = ({ createdAt }: LoggedEvent): string =>
  new Date(createdAt).toISOString().slice(0, 13).replace(/[-T]/g, '/')

const gzip = async (text: string): Promise<Uint8Array> => {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(packed).arrayBuffer())
}
