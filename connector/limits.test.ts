import { describe, expect, it } from 'vitest'
import { defaultLimits, sessionLimits } from './limits.ts'

describe('sessionLimits', () => {
  it('are the defaults where nothing is set', () => {
    expect(sessionLimits({})).toEqual(defaultLimits)
    expect(sessionLimits({ MAXAPI_CATCH_UP_CHATS: ' ' })).toEqual(defaultLimits)
  })

  it('come from variables', () => {
    expect(
      sessionLimits({
        MAXAPI_CATCH_UP_CHATS: '0',
        MAXAPI_CATCH_UP_MESSAGES: '50',
        MAXAPI_CATCH_UP_HOURS: '24',
        MAXAPI_DEGRADED_AFTER_MINUTES: ' 2 ',
        MAXAPI_CONNECT_RETRIES: '120',
        MAXAPI_RETENTION_DAYS: '0',
        MAXAPI_RETENTION_MB: '50',
        MAXAPI_SKIPMEDIA: 'true',
        MAXAPI_MEDIA_MAX_BYTES: '4294967296',
        MAXAPI_MEDIA_INLINE_BYTES: '9000000',
      }),
    ).toEqual({
      catchUp: { chats: 0, messages: 50, hours: 24 },
      degradedAfterMinutes: 2,
      connectRetries: 120,
      // A log that keeps nothing would lose events before they are delivered.
      retention: { maxAgeMs: 86_400_000, maxBytes: 50_000_000 },
      // More would not fit into a row of the log.
      media: { isOff: true, maxBytes: 4_294_967_296, inlineBytes: 1_310_720 },
    })
  })

  it.each(['-1', 'many', '1.5', '1e3'])('name the variable that says %s', (text) => {
    expect(() => sessionLimits({ MAXAPI_CATCH_UP_HOURS: text })).toThrow(/MAXAPI_CATCH_UP_HOURS/)
  })
})
