import { mapLimit, withDeadline } from './concurrency.ts'
import type { Gateway } from './gateway.ts'
import { describeError } from './log.ts'
import { listWantedIds } from './tenants.ts'

const CONCURRENCY = 32
const ENSURE_TIMEOUT_MS = 10_000

/**
 * Looks at every session that should be online: an object that lost its alarm, or was never started
 * after a restore, wakes up and repairs itself. One that fails does not keep the others waiting.
 */
export const watchSessions = async (gateway: Gateway): Promise<void> => {
  const ids = await listWantedIds(gateway.db())
  await mapLimit(ids, CONCURRENCY, async (tenantId) => {
    try {
      await withDeadline(gateway.sessions.getByName(tenantId).ensure(), ENSURE_TIMEOUT_MS)
    } catch (error) {
      gateway.log('error', 'session not ensured', { tenantId, ...describeError(error) })
    }
  })
}
