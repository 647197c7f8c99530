import { env as bindings } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Env } from './env.ts'
import worker from './index.ts'
import { d1Target, migrate } from './migrate.ts'

const env = bindings as unknown as Env & {
  TEST_MIGRATIONS: { name: string; queries: string[] }[]
}
type Incoming = Parameters<typeof worker.fetch>[0]
const get = (path: string, variables: Partial<Env> = {}) =>
  worker.fetch(new Request(`http://gateway${path}`) as Incoming, { ...env, ...variables })

beforeAll(async () => {
  const migrations = env.TEST_MIGRATIONS.map(({ name, queries }) => ({
    name,
    sql: queries.join('--> statement-breakpoint'),
  }))
  await migrate(migrations, d1Target(env.DB))
})

describe('the Worker', () => {
  it('says what is wrong with a deployment, on every path, until it is right', async () => {
    const answer = await get('/session/status', { MAXAPI_LOOPBACK: 'secret' })
    const body = await answer.text()
    expect(answer.status).toBe(500)
    expect(body).toContain('The gateway is misconfigured. MAXAPI_LOOPBACK: expected true or false')
    expect(body).not.toContain('secret')
    expect((await get('/health')).status).toBe(200)
  })

  it('runs tenants on real objects, from creation to deletion', async () => {
    const call = async (method: string, path: string, headers: object, body?: object) => {
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }
      const request = new Request(`http://gateway${path}`, init as RequestInit) as Incoming
      const response = await worker.fetch(request, env)
      const fields = (await response.json()) as Record<string, unknown>
      return { ...fields, status: response.status } as Record<string, unknown>
    }
    const admin = { authorization: `Bearer ${env.MAXAPI_ADMIN_TOKEN}` }
    const { id, token } = await call('POST', '/admin/users', admin, { sandbox: true })
    const tenant = { token: String(token) }
    expect(await call('GET', '/session/status', tenant)).toMatchObject({
      status: 200,
      state: 'logged_out',
    })
    expect(await call('GET', '/sandbox', tenant)).toMatchObject({ phone: expect.any(String) })
    expect(await call('DELETE', `/admin/users/${id}`, admin)).toMatchObject({ status: 200 })
    expect(await call('GET', '/session/status', tenant)).toMatchObject({ status: 401 })
    expect(await call('GET', '/admin/users', admin)).toMatchObject({ data: [] })
  })

  it('looks after sessions when cron calls', async () => {
    await worker.scheduled({} as ScheduledController, env)
  })
})
