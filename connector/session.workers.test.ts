/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Sandbox } from '../sandbox/durable-object.ts'
import type { Result } from '../schema/errors.ts'
import { operations } from '../schema/operations/index.ts'
import type { SandboxInfo } from '../schema/sandbox-port.ts'
import type {
  CallContext,
  SessionRpc,
  SessionStatus,
  TenantConfig,
} from '../schema/session-port.ts'
import { storeContract } from '../test/contract/store.ts'
import { objectSql, type Session } from './session.ts'

const { SESSION, SANDBOX } = env as unknown as {
  SESSION: DurableObjectNamespace<Session>
  SANDBOX: DurableObjectNamespace<Sandbox>
}
/** The stub under the type that callers know; the runtime's own type is too deep to infer. */
const session = (id: string) => SESSION.getByName(id) as unknown as SessionRpc
const raw = (id: string) => SESSION.getByName(id)

const unwrap = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.data
}

const createTenant = async (): Promise<{
  id: string
  context: CallContext
  config: TenantConfig
}> => {
  const id = crypto.randomUUID()
  const config = {
    id,
    name: 'Test',
    generation: 1,
    updatedAt: 1,
    sandbox: true,
    webhook: '',
    events: ['All'],
  }
  unwrap(await session(id).configure(config))
  return { id, config, context: { tenantId: id, generation: 1 } }
}

const info = async (id: string): Promise<SandboxInfo> =>
  unwrap((await SANDBOX.getByName(id).info()) as Result<SandboxInfo>)

const logIn = async (id: string, context: CallContext): Promise<void> => {
  const { phone, code } = await info(id)
  unwrap(await session(id).invoke('requestCode', { phone, language: 'ru' }, context))
  unwrap(await session(id).invoke('confirmCode', { code, includeToken: false }, context))
}

const status = async (id: string, context: CallContext) =>
  unwrap(await session(id).invoke('getStatus', {}, context)) as SessionStatus

/** Lets the session dial again until it is online; the wait after a restart is at most 3 s. */
const untilOnline = async (id: string, context: CallContext): Promise<void> => {
  await unwrap(
    await session(id).invoke('connect', { immediate: false, subscribe: undefined }, context),
  )
  expect((await status(id, context)).state).toBe('online')
}

storeContract('a Durable Object', async (test) => {
  await runInDurableObject(raw(crypto.randomUUID()), (_object, state) => {
    // The session made its tables already; the contract begins with an empty database.
    for (const { name } of state.storage.sql
      .exec(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray()) {
      state.storage.sql.exec(`DROP TABLE "${name}"`)
    }
    test(objectSql(state.storage))
  })
})

describe('Session', () => {
  it('[DO1] logs in to the sandbox, sends, and keeps its alarm set', async () => {
    const { id, context } = await createTenant()
    await logIn(id, context)
    const input = operations.sendText.input.parse({
      chatId: 0,
      text: '**Привет**',
      format: 'markdown',
    })
    const sent = unwrap(await session(id).invoke('sendText', input, context)) as {
      messageId: string
    }
    expect(BigInt(sent.messageId)).toBeGreaterThan(2n ** 53n)
    const alarm = await runInDurableObject(raw(id), (_object, state) => state.storage.getAlarm())
    expect(alarm! - Date.now()).toBeLessThanOrEqual(30_000)
    expect(await runDurableObjectAlarm(raw(id))).toBe(true)
    const next = await runInDurableObject(raw(id), (_object, state) => state.storage.getAlarm())
    expect(next).not.toBeNull()
    expect((await status(id, context)).state).toBe('online')
  })

  it('[DO2] comes back after it lost its memory, with the alarm armed and the log intact', async () => {
    const { id, context } = await createTenant()
    await logIn(id, context)
    await abortAllDurableObjects()
    const after = await status(id, context)
    expect(after).toMatchObject({ wanted: 'online', authenticated: true })
    const alarm = await runInDurableObject(raw(id), (_object, state) => state.storage.getAlarm())
    expect(alarm! - Date.now()).toBeLessThanOrEqual(30_000)
    await untilOnline(id, context)
    const types = await runInDurableObject(raw(id), (_object, state) =>
      state.storage.sql
        .exec('SELECT type FROM events ORDER BY sequence')
        .toArray()
        .map((row) => row.type),
    )
    expect(types).toEqual(['AuthCodeSent', 'Connected', 'Sync', 'Connected', 'Sync', 'HistorySync'])
  })

  it('[DO3] refuses an old token generation and an unknown tenant', async () => {
    const { id, context, config } = await createTenant()
    unwrap(await session(id).configure({ ...config, generation: 2, updatedAt: 2 }))
    const old = await session(id).invoke('getStatus', {}, context)
    expect(old).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
    const unknown = await session(crypto.randomUUID()).invoke('getStatus', {}, context)
    expect(unknown).toMatchObject({ ok: false, error: { code: 'UNAUTHORIZED' } })
  })

  it('[DO4] keeps no secret in clear', async () => {
    const { id, context } = await createTenant()
    await logIn(id, context)
    const { webhookSecret } = unwrap(
      await session(id).configure({
        id,
        name: 'Test',
        generation: 1,
        updatedAt: 1,
        sandbox: true,
        webhook: '',
        events: [],
      }),
    )
    const meta = await runInDurableObject(raw(id), (_object, state) =>
      JSON.stringify(state.storage.sql.exec('SELECT key, value FROM meta').toArray()),
    )
    expect(meta).not.toContain(webhookSecret.slice('whsec_'.length))
    expect(meta).toMatch(/"token","value":"\\"v1\./)
  })

  it('[DO5] forgets everything when its tenant is deleted', async () => {
    const { id, context } = await createTenant()
    await logIn(id, context)
    await session(id).destroy()
    expect(await session(id).invoke('getStatus', {}, context)).toMatchObject({
      ok: false,
      error: { code: 'UNAUTHORIZED' },
    })
    await abortAllDurableObjects()
    const rows = await runInDurableObject(raw(id), async (_object, state) => ({
      alarm: await state.storage.getAlarm(),
      meta: state.storage.sql.exec('SELECT * FROM meta').toArray(),
    }))
    expect(rows).toEqual({ alarm: null, meta: [] })
  })

  it('[DO6] a failing operation is data, not an exception', async () => {
    const { id, context } = await createTenant()
    const refused = await session(id).invoke('sendText', { chatId: 0, text: 'x' }, context)
    expect(refused).toMatchObject({ ok: false, error: { code: 'NOT_CONNECTED' } })
    const wrong = await session(id).invoke('noSuchRow', {}, context)
    expect(wrong).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
  })
})
