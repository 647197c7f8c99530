import { z } from 'zod'
import { accountEvents } from './account.ts'
import { chatEvents } from './chats.ts'
import type { EventRow } from './define.ts'
import { messageEvents } from './messages.ts'
import { sessionEvents } from './session.ts'

/**
 * The table of events: which push becomes which event, and when two pushes are the same event.
 * Names of the original are kept (rest/contract.md §2.4): an integrator's filters keep working.
 */
export const events = {
  ...messageEvents,
  ...chatEvents,
  ...accountEvents,
  ...sessionEvents,
} as const satisfies Record<string, EventRow>

export type EventName = keyof typeof events

export const isEventName = (name: string): name is EventName => Object.hasOwn(events, name)
export const eventRow = (name: EventName): EventRow => events[name]

/** What every event says about itself, around its own part. */
const envelope = z.looseObject({
  id: z
    .string()
    .describe('Stays the same when the event is delivered again: skip one you have seen'),
  sequence: z.number().describe('Grows by one with each event of the tenant'),
  type: z.string(),
  timestamp: z.string().describe('When the gateway stored it, ISO 8601'),
  userID: z.string().describe('Id of the tenant'),
  instanceID: z.string().describe('Same as `userID`'),
  instanceName: z.string().describe('Name of the tenant'),
  eventTimestamp: z.number().describe('`timestamp` as Unix seconds'),
})
/** Names that an event's own part cannot have. */
export const envelopeFields: ReadonlySet<string> = new Set(Object.keys(envelope.shape))

/** The schema of a whole body. */
export const eventBody = (name: EventName): z.ZodObject =>
  envelope.extend({ type: z.literal(name), ...eventRow(name).schema.shape })

/** A whole body with invented values. */
export const eventExample = (name: EventName): Record<string, unknown> => {
  const number = Object.keys(events).indexOf(name) + 1
  return {
    id: `evt_${String(number).padStart(32, '0')}`,
    sequence: number,
    type: name,
    timestamp: '2026-09-21T14:13:21.000Z',
    ...eventRow(name).example,
    userID: '79d8e64c-8d9c-4d26-bb4c-94cd7c0f08b1',
    instanceID: '79d8e64c-8d9c-4d26-bb4c-94cd7c0f08b1',
    instanceName: 'demo',
    eventTimestamp: 1790000001,
  }
}

export type { EventRow }
