import { z } from 'zod'
import type { Opcode } from '../opcodes.ts'
import type { WireMap } from '../wire.ts'

/** One row of the table of events. Filters, bodies, deduplication and documents derive from it. */
export interface EventRow {
  summary: string
  /** What the summary leaves open: when it comes, what is in it, what is not. */
  description?: string
  /** `original`: a name of the first MaxAPI. A number: our major version that added it. */
  since: 'original' | 3
  /** Push it is made from. Absent: the gateway makes it itself, or it is derived. */
  opcode?: Opcode
  /** CONTROL events of a service message it is derived from, in addition to `Message`. */
  control?: readonly string[]
  /** The body's own part, without the envelope. Loose: what MAX adds comes through. */
  schema: z.ZodObject
  /** The own part with invented values. */
  example: Record<string, unknown>
  /**
   * Text that is equal for a repeated push and different for a new event. Only where a repeat can be
   * told from a new event that looks the same; without it no event is ever taken for a repeat.
   */
  dedupe?: (payload: WireMap) => string | undefined
  /** Only filters that name it get it; `All` does not. */
  onlyByName?: true
}

/** Keeps the literal names of a part of the table while checking its rows. */
export const rows = <Name extends string>(table: Record<Name, EventRow>): Record<Name, EventRow> =>
  table

/** Ids as they leave the gateway: beyond 2^53 as a string; message ids always are. */
export const id = z.union([z.number(), z.string()])
export const messageId = z.string()
export const ms = z.number().describe('Unix milliseconds')

/** The own part of an event that a push of MAX is the source of: the payload, as MAX sent it. */
export const pushed = (event: z.ZodRawShape, beside: z.ZodRawShape = {}): z.ZodObject =>
  z.looseObject({
    opcode: z.number().describe('MAX opcode of the push'),
    event: z.looseObject(event).describe('What MAX sent, every field of it; tokens are left out'),
    ...beside,
  })

/** Fields joined to a key; `undefined` when one that must be there is missing. */
export const key = (...parts: unknown[]): string | undefined =>
  parts.some((part) => part === undefined || part === null) ? undefined : parts.join(':')
