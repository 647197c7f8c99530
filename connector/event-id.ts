const SEQUENCE_DIGITS = 12
const RANDOM_BYTES = 10

/**
 * A new id for the event of a sequence: `evt_` and 32 hex digits, 12 of the sequence and 20 random ones.
 * The sequence tells the events of one log apart, so no index by id is needed. The random digits do it
 * for those of one sequence: of other tenants, or of a log that was set back to a copy. They are few, and
 * 80 bits are enough for them: among a million the chance that two are equal is below one in 10^12.
 */
export const newEventId = (sequence: number): string => {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
  const digits = [...random].map((byte) => hex(byte, 2)).join('')
  return `evt_${hex(sequence, SEQUENCE_DIGITS)}${digits}`
}

/**
 * The sequence that an id names; `undefined` for what is no id of an event. Older ids were random all
 * over: of those it is any number.
 */
export const sequenceInId = (id: string): number | undefined => {
  const digits = /^evt_([0-9a-f]{12})[0-9a-f]{20}$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
