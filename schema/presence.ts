import { z } from 'zod'
import { narrow, publicValue } from './ids.ts'
import { asNumber, type WireMap } from './wire.ts'

/** Somebody's presence: MAX's own fields, and what they mean. */
export const PresenceModel = z
  .looseObject({
    userId: z.union([z.number(), z.string()]),
    online: z.boolean(),
    lastSeen: z.number().nullable().describe('Unix ms; `null` when MAX does not tell'),
  })
  .meta({ id: 'Presence' })

/** `status` 1 is online; 0, 2 (recently), 3 (long ago) and none are not (operations-and-events.md §2.5). */
const ONLINE = 1
/** Presence comes in seconds, elsewhere in ms (§1.3): a smaller number is seconds. */
const FIRST_MS = 1e12

export const publicPresence = (
  userId: string,
  presence: WireMap,
): z.output<typeof PresenceModel> => {
  const seen = asNumber(presence.seen)
  return {
    ...(publicValue(presence) as Record<string, unknown>),
    userId: publicValue(narrow(BigInt(userId))) as number | string,
    online: presence.status === ONLINE || presence.on === 'ON',
    lastSeen: seen === undefined ? null : seen < FIRST_MS ? seen * 1000 : seen,
  }
}
