import { z } from 'zod'
import type { WireMap } from './wire.ts'

/** Privacy settings by names of ours, and MAX's own keys for them (operations-and-events.md §3.4). */

const anybody = z.enum(['ALL', 'CONTACTS', 'NOBODY'])

export const privacyInput = {
  searchByPhone: z.enum(['ALL', 'CONTACTS']).optional().describe('Who finds you by your number'),
  incomingCalls: anybody.optional().describe('Who may call you'),
  chatInvites: anybody.optional().describe('Who may add you to groups'),
  phoneNumber: anybody.optional().describe('Who sees your number'),
  hideOnline: z.boolean().optional().describe('Hide when you are online'),
  readMarks: z.boolean().optional().describe('Let others see what you have read'),
  transcription: z.boolean().optional().describe('Voice messages are turned into text'),
  unsafeFiles: z.boolean().optional().describe('Files that MAX thinks unsafe may be opened'),
  inactiveTtl: z
    .string()
    .regex(/^\d{1,2}[DWMY]$/, 'expected a period such as 6M')
    .optional()
    .describe('Unused for this long, the account is deleted; e.g. `6M`'),
}
export type PrivacyName = keyof typeof privacyInput

const keys: Record<PrivacyName, string> = {
  searchByPhone: 'SEARCH_BY_PHONE',
  incomingCalls: 'INCOMING_CALL',
  chatInvites: 'CHATS_INVITE',
  phoneNumber: 'PHONE_NUMBER_PRIVACY',
  hideOnline: 'HIDDEN',
  readMarks: 'SHOW_READ_MARK',
  transcription: 'AUDIO_TRANSCRIPTION_ENABLED',
  unsafeFiles: 'UNSAFE_FILES',
  inactiveTtl: 'INACTIVE_TTL',
}

const names = Object.keys(privacyInput) as PrivacyName[]

/** The given settings under MAX's keys. */
export const privacyToMax = (given: { [Name in PrivacyName]?: unknown }): WireMap =>
  Object.fromEntries(
    names
      .filter((name) => given[name] !== undefined)
      .map((name) => [keys[name], given[name] as string | boolean]),
  )

/** All settings under our names; `null` for one that MAX has never told. */
export const privacyFromMax = (settings: WireMap): Record<PrivacyName, unknown> =>
  Object.fromEntries(
    names.map((name) => {
      const value = settings[keys[name]]
      // Older clients wrote it so.
      return [name, value === '_NONE_' ? 'NOBODY' : (value ?? null)]
    }),
  ) as Record<PrivacyName, unknown>
