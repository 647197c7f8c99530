import { describe, expect, it } from 'vitest'
import { globalWebhook } from './global-webhook.ts'

const read = (options?: unknown, more: object = {}) =>
  globalWebhook({
    MAXAPI_GLOBAL_WEBHOOK: 'https://hook.example/all',
    ...(options !== undefined && { MAXAPI_GLOBAL_WEBHOOK_OPTIONS: JSON.stringify(options) }),
    ...more,
  })
const event = (type: string, chatId: string | null = null) => ({ type, chatId })

describe('globalWebhook', () => {
  it('is none without a URL', () => {
    expect(globalWebhook({ MAXAPI_GLOBAL_WEBHOOK: '' })).toBeUndefined()
  })

  it('[defect 21] gets every event, whatever the tenants chose, unsigned, in the format of the deployment', async () => {
    const webhook = read(undefined, { MAXAPI_WEBHOOK_FORMAT: 'form' })
    expect(webhook).toMatchObject({ id: 'global', format: 'form' })
    expect(webhook?.wants(event('Message', '5'))).toBe(true)
    expect(webhook?.wants(event('Raw'))).toBe(false)
    expect(await webhook?.secrets()).toEqual({ signing: [], headers: {} })
  })

  it('takes the settings of an endpoint', async () => {
    const webhook = read(
      {
        events: ['Message'],
        chats: { exclude: [5] },
        headers: { Authorization: 'Bearer x', 'x-empty': '', 'x-gone': null },
        scheduleMs: [1_000],
        timeoutMs: 3_000,
        order: 'strict',
        hmac: true,
        batch: { maxEvents: 10 },
      },
      { MAXAPI_GLOBAL_WEBHOOK_SECRET: 'whsec_x' },
    )
    expect(webhook).toMatchObject({ scheduleMs: [1_000], timeoutMs: 3_000, order: 'strict' })
    expect(webhook).toMatchObject({ hmac: true, batch: { maxEvents: 10, maxWaitMs: 1_000 } })
    expect(webhook?.wants(event('Message', '6'))).toBe(true)
    expect(webhook?.wants(event('Message', '5'))).toBe(false)
    expect(webhook?.wants(event('Typing', '6'))).toBe(false)
    expect(await webhook?.secrets()).toEqual({
      signing: [{ secret: 'whsec_x' }],
      headers: { Authorization: 'Bearer x', 'x-empty': '' },
    })
  })

  it.each([
    [{ timeoutMs: 1 }, 'MAXAPI_GLOBAL_WEBHOOK_OPTIONS: timeoutMs'],
    [{ url: 'https://secret.example' }, 'MAXAPI_GLOBAL_WEBHOOK_OPTIONS'],
    [{ headers: { host: 'secret' } }, 'headers'],
    ['secret', 'MAXAPI_GLOBAL_WEBHOOK_OPTIONS'],
  ])('refuses %o by name and repeats no value', (options, message) => {
    expect(() => read(options)).toThrow(message)
    expect(() => read(options)).not.toThrow('secret')
  })
})
