import { vi } from 'vitest'

/** Asks again until the assertion holds: for what tells nobody when it changes. */
export const eventually = (assertion: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(assertion, { timeout: 20_000, interval: 20 })
