import { z } from 'zod'
import { narrow } from './ids.ts'
import { asIdString, type WireValue } from './wire.ts'

/**
 * MAX's page markers as our users' cursors. A marker is a number or a text and must go back as what it
 * was, so a cursor that stands for a text begins with `~`.
 */
export const markerInput = z
  .string()
  .trim()
  .min(1)
  .max(1_000)
  .transform((text) => (/^-?\d{1,18}$/.test(text) ? narrow(BigInt(text)) : text.replace(/^~/, '')))
  .describe('`nextCursor` of the page before')

export const nextCursor = z
  .string()
  .nullable()
  .describe('`cursor` of the next page; `null` on the last one')

/** The cursor in an answer; a missing marker or 0 means that there is no next page. */
export const nextCursorOf = (marker: WireValue): string | null => {
  if (typeof marker === 'string') return marker === '' ? null : `~${marker}`
  const id = asIdString(marker)
  return id === undefined || id === '0' ? null : id
}
