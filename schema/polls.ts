/** Bits of a poll's `settings` (operations-and-events.md §2.4). */
export const pollBits = {
  anonymous: 1,
  multipleChoice: 2,
  revote: 4,
  closed: 8,
  quiz: 16,
  forwardable: 32,
} as const
export type PollSetting = keyof typeof pollBits

export const pollSettings = (
  on: { readonly [Name in PollSetting]?: boolean | undefined },
): number =>
  Object.entries(pollBits).reduce(
    (mask, [name, bit]) => (on[name as PollSetting] ? mask | bit : mask),
    0,
  )

export const hasSetting = (settings: number, name: PollSetting): boolean =>
  (settings & pollBits[name]) !== 0
