import { type EventName, eventListInput, wantsEvent } from '../../schema/events.ts'
import type { Destination } from '../destination.ts'
import { OPERATOR_SCHEDULE_MS } from '../retry-schedule.ts'

/** A Cloudflare Queue takes 128 KB a message, of which its own facts need some. */
const LARGEST_MESSAGE_BYTES = 127_000

/** What stands in the queue for an event that is too large for it. */
export interface EventPointer {
  pointer: true
  id: string
  sequence: number
  type: string
  /** Tenant whose log holds the event: `GET /events?after=<sequence - 1>&limit=1` reads it too. */
  instanceID: string
}

export interface QueueOptions {
  tenantId: string
  /** Names of the events to send. */
  events: readonly string[]
  send(text: string): Promise<unknown>
}

/** Sends a tenant's events to a Cloudflare Queue as the stored bytes, or as a pointer to them. */
export const queue = ({ tenantId, events, send }: QueueOptions): Destination => ({
  id: 'queue',
  url: 'queue:',
  givesUp: false,
  scheduleMs: OPERATOR_SCHEDULE_MS,
  wants: ({ type }) => wantsEvent(events, type as EventName),
  deliver: async ([{ id, sequence, type, body }]) => {
    const pointer: EventPointer = { pointer: true, id, sequence, type, instanceID: tenantId }
    try {
      await send(isLarge(body) ? JSON.stringify(pointer) : body)
      return { kind: 'delivered' }
    } catch (error) {
      return { kind: 'failed', error: `queue: ${(error as Error).name}` }
    }
  },
})

/**
 * Names of the events that a deployment sends to its queue; none when the variable is not set.
 * @throws {Error} that names the variable
 */
export const queueEvents = (names = ''): string[] => {
  const parsed = eventListInput.safeParse(names)
  if (!parsed.success) throw new Error('MAXAPI_QUEUE_EVENTS: unknown event name')
  return parsed.data
}

/** A text of so many units may already be too large; only then is it worth counting bytes. */
const isLarge = (body: string): boolean =>
  body.length > LARGEST_MESSAGE_BYTES / 3 &&
  new TextEncoder().encode(body).length > LARGEST_MESSAGE_BYTES
