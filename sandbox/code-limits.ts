import { Refusal } from './refusal.ts'
import type { Settings } from './settings.ts'

/** How many SMS codes each phone may still ask for (wire-and-auth.md §8, `requestCountLeft`). */
export class CodeLimits {
  readonly #used = new Map<string, { count: number; since: number }>()

  /** Counts one request; what is left afterwards. Refuses once nothing is. */
  take(phone: string, now: number, settings: Settings): number {
    const known = this.#used.get(phone)
    const isFresh = known !== undefined && now - known.since < settings.codeRequestWindowMs
    const used = isFresh ? known : { count: 0, since: now }
    if (used.count >= settings.codeRequests) {
      throw new Refusal('error.limit.violate', 'Too many code requests')
    }
    used.count += 1
    this.#used.set(phone, used)
    return settings.codeRequests - used.count
  }
}
