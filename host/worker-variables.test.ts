import { describe, expect, it } from 'vitest'
import { defaultSettings, type Settings } from './flags.ts'
import { tenantsThatFit } from './open-files.ts'
import { isLoopback, workerVariables } from './worker-variables.ts'

const secrets = { adminToken: 'a', masterKey: 'm', version: '1', globalWebhookSecret: '' }

describe('workerVariables', () => {
  it('leaves out what is not set', () => {
    expect(workerVariables(defaultSettings(), secrets)).toEqual({
      MAXAPI_ADMIN_TOKEN: 'a',
      MAXAPI_MASTER_KEY: 'm',
      MAXAPI_VERSION: '1',
      MAXAPI_LOG_LEVEL: 'info',
      MAXAPI_WEBHOOK_FORMAT: 'json',
      MAXAPI_SKIPMEDIA: 'false',
      MAXAPI_PUBLIC_URL: 'http://127.0.0.1:5555',
      MAXAPI_MEDIA_MAX_BYTES: '209715200',
      MAXAPI_MEDIA_INLINE_BYTES: '1048576',
      MAXAPI_ALLOW_PRIVATE_NETWORK: 'false',
      MAXAPI_LOOPBACK: 'true',
      MAXAPI_RETENTION_DAYS: '7',
      MAXAPI_RETENTION_MB: '200',
      MAXAPI_CATCH_UP_CHATS: '200',
      MAXAPI_CATCH_UP_MESSAGES: '1000',
      MAXAPI_CATCH_UP_HOURS: '168',
      MAXAPI_DEGRADED_AFTER_MINUTES: '5',
      MAXAPI_CONNECT_RETRIES: '0',
    })
  })

  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['127.example', false],
  ])('takes %s as loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback)
  })
})

describe('the address in links', () => {
  const addressOf = (change: Partial<Settings>) =>
    workerVariables({ ...defaultSettings(), ...change }, secrets).MAXAPI_PUBLIC_URL

  it.each<[Partial<Settings>, string | undefined]>([
    [
      { publicUrl: 'https://max.example.com/api', address: '0.0.0.0' },
      'https://max.example.com/api',
    ],
    [{ address: '::1', port: 80 }, 'http://[::1]:80'],
    [{ address: '192.0.2.7', sslcertificate: 'cert.pem' }, 'https://192.0.2.7:5555'],
    [{ address: '0.0.0.0' }, undefined],
    [{ address: '::' }, undefined],
    [{ port: 0 }, undefined],
  ])('with %j is %s', (change, address) => {
    expect(addressOf(change)).toBe(address)
  })
})

describe('tenantsThatFit', () => {
  it('counts five files per tenant after a reserve', () => {
    expect([tenantsThatFit(256), tenantsThatFit(1_512), tenantsThatFit(65_536)]).toEqual([
      0, 200, 13_004,
    ])
  })
})
