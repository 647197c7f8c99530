import { z } from 'zod'
import { eventRow, events, isEventName } from './index.ts'

/** Filter value that stands for every event that need not be named. */
export const ALL_EVENTS = 'All'
/** Every value a filter may hold. */
export const eventNames: readonly string[] = [...Object.keys(events), ALL_EVENTS]

const eventName = z.enum(eventNames, { error: 'unknown event name' })

/**
 * Event names as an array or, as the original has it, one comma-separated string. The original saved
 * any text and then ignored what it did not know, so that a typing error meant silence; here it is
 * refused with the place of the name.
 */
export const eventListInput = z
  .union([z.string().max(4_000), z.array(z.string().max(64)).max(100)])
  .transform((value) =>
    (Array.isArray(value) ? value : value.split(',')).map((name) => name.trim()).filter(Boolean),
  )
  .pipe(z.array(eventName))
  .transform((names) => [...new Set(names)])

/**
 * Whether a filter lets an event through. Names in an old filter that no longer exist let nothing
 * through; events that only go by name (`Raw`) are not part of `All`.
 */
export const wantsEvent = (filter: readonly string[], type: string): boolean => {
  if (filter.includes(type)) return true
  if (!filter.includes(ALL_EVENTS)) return false
  return !isEventName(type) || eventRow(type).onlyByName !== true
}
