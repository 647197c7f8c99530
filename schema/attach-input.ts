import { z } from 'zod'

/** Levels of an attachment that MAX gives: a keyboard has five. */
const MAX_DEPTH = 12
const INT64 = 2n ** 63n

/**
 * An attachment in the form in which MAX gave it, known to us or not. What no frame can carry is
 * refused here: a number that is not exact, an integer beyond 64 bits, endless nesting.
 */
export const attachInput = z
  .looseObject({ _type: z.string().min(1).max(64) })
  .superRefine((attach, ctx) => {
    const problem = problemOf(attach, 0)
    if (problem !== undefined) ctx.addIssue({ code: 'custom', message: problem })
  })

const problemOf = (value: unknown, depth: number): string | undefined => {
  if (typeof value === 'number') {
    const exact =
      Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
    return exact ? undefined : 'a number is too large to be exact'
  }
  if (typeof value === 'bigint') {
    return value >= -INT64 && value < INT64 ? undefined : 'an integer does not fit 64 bits'
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth >= MAX_DEPTH) return 'an attachment is nested too deeply'
  for (const item of Object.values(value)) {
    const problem = problemOf(item, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}
