import { envelopeFields } from '../schema/events.ts'
import { publicValue } from '../schema/ids.ts'
import { stringifyWithoutSecrets } from '../schema/secrets.ts'
import type { WireMap } from '../schema/wire.ts'

/** A LOGIN answer can be 0.8 MB (wire-and-auth.md §2); receivers of webhooks expect less. */
const MAX_BYTES = 128 * 1024

/**
 * What LOGIN told, as the fields of `Sync`: the smallest fields first until the event is full, the
 * names of the others in `omitted`. Tokens go the way of all secrets when the body is rendered.
 */
export const syncFields = (reply: WireMap): Record<string, unknown> => {
  const sized = Object.entries(publicValue(reply) as Record<string, unknown>)
    .filter(([name, value]) => value !== undefined && !envelopeFields.has(name))
    .map(([name, shown]) => ({
      name,
      shown,
      size: stringifyWithoutSecrets({ [name]: shown }).length,
    }))
    .sort((a, b) => a.size - b.size)
  const fields: Record<string, unknown> = {}
  const omitted: string[] = []
  let size = 0
  for (const field of sized) {
    size += field.size
    if (size > MAX_BYTES) omitted.push(field.name)
    else fields[field.name] = field.shown
  }
  return omitted.length === 0 ? fields : { ...fields, omitted }
}
