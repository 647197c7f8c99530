import type { CatchUpLimits } from './catch-up.ts'
import type { IncomingMediaLimits } from './incoming-media.ts'
import type { RetentionLimits } from './retention.ts'

const DAY_MS = 86_400_000
const MB = 1_000_000
const MiB = 1024 * 1024
/** As base64 still well within a row of SQLite, which takes 2 MB. */
const MOST_INLINE_BYTES = 1.25 * MiB

/** What an operator may set about sessions. */
export interface SessionLimits {
  catchUp: CatchUpLimits
  /** Minutes offline after which `SessionDegraded` is said. */
  degradedAfterMinutes: number
  /** Tries to connect before the session stops; 0 = it never does. */
  connectRetries: number
  retention: RetentionLimits
  media: IncomingMediaLimits
}

export const defaultLimits: SessionLimits = {
  catchUp: { chats: 200, messages: 1_000, hours: 168 },
  degradedAfterMinutes: 5,
  connectRetries: 0,
  retention: { maxAgeMs: 7 * DAY_MS, maxBytes: 200 * MB },
  media: { isOff: false, maxBytes: 200 * MiB, inlineBytes: MiB },
}

/** The variables they are read from. */
export interface LimitVariables {
  MAXAPI_CATCH_UP_CHATS?: string
  MAXAPI_CATCH_UP_MESSAGES?: string
  MAXAPI_CATCH_UP_HOURS?: string
  MAXAPI_DEGRADED_AFTER_MINUTES?: string
  MAXAPI_CONNECT_RETRIES?: string
  MAXAPI_RETENTION_DAYS?: string
  MAXAPI_RETENTION_MB?: string
  /** `true`: received media are left with MAX, whatever a tenant has set. */
  MAXAPI_SKIPMEDIA?: string
  MAXAPI_MEDIA_MAX_BYTES?: string
  MAXAPI_MEDIA_INLINE_BYTES?: string
}

/** @throws {Error} naming the variable that is no whole number. */
export const sessionLimits = (env: LimitVariables): SessionLimits => {
  const number = (name: keyof LimitVariables, fallback: number): number => {
    const text = env[name]?.trim()
    if (!text) return fallback
    if (!/^\d{1,10}$/.test(text)) throw new Error(`${name}: expected a whole number`)
    return Number(text)
  }
  const { catchUp, degradedAfterMinutes, connectRetries, retention, media } = defaultLimits
  /** A log that keeps nothing would lose events before they are delivered. */
  const atLeastOne = (name: keyof LimitVariables, fallback: number): number =>
    Math.max(1, number(name, fallback))
  return {
    catchUp: {
      chats: number('MAXAPI_CATCH_UP_CHATS', catchUp.chats),
      messages: number('MAXAPI_CATCH_UP_MESSAGES', catchUp.messages),
      hours: number('MAXAPI_CATCH_UP_HOURS', catchUp.hours),
    },
    degradedAfterMinutes: number('MAXAPI_DEGRADED_AFTER_MINUTES', degradedAfterMinutes),
    connectRetries: number('MAXAPI_CONNECT_RETRIES', connectRetries),
    retention: {
      maxAgeMs: atLeastOne('MAXAPI_RETENTION_DAYS', retention.maxAgeMs / DAY_MS) * DAY_MS,
      maxBytes: atLeastOne('MAXAPI_RETENTION_MB', retention.maxBytes / MB) * MB,
    },
    media: {
      isOff: env.MAXAPI_SKIPMEDIA === 'true',
      maxBytes: number('MAXAPI_MEDIA_MAX_BYTES', media.maxBytes),
      inlineBytes: Math.min(
        MOST_INLINE_BYTES,
        number('MAXAPI_MEDIA_INLINE_BYTES', media.inlineBytes),
      ),
    },
  }
}
