import type { MediaStep } from '../../schema/media-steps.ts'
import type { Operation } from '../../schema/operations/index.ts'
import type { Reply } from '../../schema/session-port.ts'
import type { KnownTenant } from '../auth.ts'
import type { Gateway } from '../gateway.ts'

/** One request of a row that moves content. */
export interface MediaCall {
  gateway: Gateway
  tenant: KnownTenant
  request: Request
  path: Record<string, string>
  /** Asks the tenant's session; resolves with failures as data. */
  step(name: MediaStep, input: unknown): Promise<Reply>
}

/** Serves a row's calls: what the answer holds, or the answer itself where that is no JSON. */
export type ServeMedia = (call: MediaCall) => Promise<Reply | Response>

/** Makes the server of a row; called once per row. */
export type MediaHandler = (row: Operation) => ServeMedia
