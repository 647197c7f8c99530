import type { LogFilter, LogPage, LogPlace } from './log-port.ts'
import type { SessionPort } from './session-port.ts'
import type { Step } from './steps.ts'

/** What the edge asks the session for while it streams events: places, and pages as stored. */
export type EventStep = 'events.start' | 'events.read'

export interface ReadInput extends LogFilter {
  after: number
  limit: number
  waitMs: number
}

const start = async ({ eventLog }: SessionPort, place: LogPlace): Promise<{ after: number }> => ({
  after: eventLog.start(place, 'newest'),
})
const read = ({ eventLog }: SessionPort, input: ReadInput): Promise<LogPage> => eventLog.read(input)

export const eventSteps: Record<EventStep, Step<never>> = {
  'events.start': { run: start },
  'events.read': { reads: true, run: read },
}
