import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operations } from '../schema/operations/index.ts'
import type { StorageView } from '../schema/storage-settings.ts'
import { type LiveTenant, startLiveEdge } from '../test/support/live-edge.ts'
import { type S3Server, startS3 } from '../test/support/s3-server.ts'
import { plainName } from './input.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
let s3: S3Server
beforeAll(async () => {
  world = await startLiveEdge({}, { MAXAPI_ALLOW_PRIVATE_NETWORK: 'true' })
  s3 = await startS3()
})
afterAll(async () => {
  await world.close()
  await s3.close()
})

const enter = (body: object = {}): Promise<LiveTenant> =>
  world.enter(world.sim.direct.createAccount(), body)
const access = () => ({
  enabled: true,
  endpoint: s3.url,
  access_key: s3.accessKey,
  secret_key: s3.secretKey,
  bucket: s3.bucket,
  region: s3.region,
})
const CONFIG = '/session/s3/config'
const initial = {
  enabled: false,
  endpoint: '',
  access_key: '',
  secret_key: '',
  bucket: '',
  region: 'us-east-1',
  path_style: true,
  public_url: '',
  media_delivery: 'url',
  retention_days: 30,
  prefix: '',
}

describe('the storage of a tenant', () => {
  it("is the gateway's own until it has one", async () => {
    const me = await enter()
    const body = { success: true, code: 200, data: initial, ...initial }
    expect((await me.call('GET', CONFIG)).body).toEqual(body)
  })

  it('[TS1] is set as the dashboard of older versions sent it, and told without keys', async () => {
    const me = await enter()
    const sent = { ...access(), path_style: true, public_url: '', media_delivery: 'both' }
    const saved = await me.ok('POST', CONFIG, { ...sent, retention_days: 7 })
    const hidden = { access_key: '***', secret_key: '***' }
    const data = { ...initial, ...sent, ...hidden, retention_days: 7 }
    expect(saved).toMatchObject({ data, ...data })
    const { body, text } = await me.call('GET', CONFIG)
    expect(body).toMatchObject({ code: 200, data })
    expect(text).not.toContain(s3.secretKey)
    expect(JSON.stringify(await me.session.storage())).not.toContain(s3.secretKey)
  })

  it('takes names in camelCase, and leaves what is not said as it is', async () => {
    const me = await enter()
    await me.ok('POST', CONFIG, access())
    const more = { mediaDelivery: 'base64', retentionDays: 3, secret_key: '***', access_key: '' }
    await me.ok('POST', CONFIG, { ...more, prefix: '/max/in/' })
    expect((await me.ok('GET', CONFIG)).data).toMatchObject({
      enabled: true,
      endpoint: s3.url,
      access_key: '***',
      media_delivery: 'base64',
      retention_days: 3,
      prefix: 'max/in',
    })
    expect(await me.ok('POST', '/session/s3/test')).toMatchObject({ message: 'The storage works' })
  })

  it('[defect 4] holds at once for a session that is online', async () => {
    const me = await world.enterOnline()
    await me.ok('POST', CONFIG, { ...access(), media_delivery: 'both' })
    expect(await me.session.storage()).toMatchObject({ enabled: true, mediaDelivery: 'both' })
  })

  it('is forgotten with its keys', async () => {
    const me = await enter()
    await me.ok('POST', CONFIG, access())
    expect((await me.ok('DELETE', CONFIG)).data).toEqual(initial)
    expect((await me.ok('GET', CONFIG)).data).toEqual(initial)
    expect((await me.session.storage()).keys).toBe('')
  })

  it.each([
    [{ enabled: true }, 'endpoint'],
    [{ enabled: true, endpoint: 'https://s3.example.com' }, 'bucket'],
    [{ enabled: true, endpoint: 'https://s3.example.com', bucket: 'media' }, 'access_key'],
    [{ access_key: 'only-one' }, 'secret_key'],
    [{ endpoint: 'ftp://s3.example.com' }, 'endpoint'],
    [{ endpoint: 'https://a:b@s3.example.com' }, 'endpoint'],
    [{ bucket: 'a/b' }, 'bucket'],
    [{ media_delivery: 'email' }, 'media_delivery'],
    [{ retention_days: -1 }, 'retention_days'],
    [{ prefix: 'a/../b' }, 'prefix'],
  ])('refuses %j by the name of the field', async (change, field) => {
    const me = await enter()
    const { status, body } = await me.call('POST', CONFIG, change)
    expect([status, body.code, body.field]).toEqual([400, 'INVALID_INPUT', field])
    expect((await me.ok('GET', CONFIG)).data).toEqual(initial)
  })

  it('[TS1] does not turn the keys of one bucket on another', async () => {
    const me = await enter()
    await me.ok('POST', CONFIG, access())
    for (const change of [{ bucket: 'another' }, { endpoint: 'https://s3.example.com' }]) {
      expect(await me.call('POST', CONFIG, change)).toMatchObject({
        status: 400,
        body: { field: 'secret_key' },
      })
    }
  })
})

describe('the test of a storage', () => {
  const failing = async (change: object) => {
    const me = await enter()
    await me.ok('POST', CONFIG, { ...access(), ...change })
    return me.call('POST', '/session/s3/test')
  }

  it('writes, reads and deletes, and leaves nothing', async () => {
    const me = await enter()
    await me.ok('POST', CONFIG, { ...access(), prefix: 'max', enabled: false })
    const { body } = await me.call('POST', '/session/s3/test')
    expect(body).toMatchObject({
      success: true,
      writeMs: expect.any(Number),
      readMs: expect.any(Number),
      deleteMs: expect.any(Number),
    })
    expect([...s3.objects.keys()]).toEqual([])
  })

  it('wants a storage', async () => {
    const me = await enter()
    expect(await me.call('POST', '/session/s3/test')).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT' },
    })
  })

  it.each([
    [{ secret_key: 'wrong', access_key: 'AKIDTEST' }, 'SignatureDoesNotMatch', 403],
    [{ secret_key: 'x', access_key: 'WRONG' }, 'InvalidAccessKeyId', 403],
    [{ bucket: 'no-such-bucket' }, 'NoSuchBucket', 404],
    [{ endpoint: 'http://127.0.0.1:1' }, 'Unreachable', undefined],
  ])("says in the storage's own words why %j fails", async (change, code, status) => {
    const { secretKey } = s3
    const answer = await failing(change)
    expect([answer.status, answer.body.code]).toEqual([422, 'STORAGE_FAILED'])
    expect(answer.body.details).toEqual({
      step: 'write',
      storageCode: code,
      ...(status === undefined ? {} : { status }),
    })
    expect(answer.body.error).toMatch(new RegExp(`^write: ${code}: `))
    expect(answer.text).not.toContain(secretKey)
  })

  it.each([
    ['GET', 'read', 'AccessDenied'],
    ['DELETE', 'delete', 'AccessDenied'],
  ])('names the step when %s is what is not allowed', async (method, step, code) => {
    const me = await enter()
    const denying = await startS3()
    try {
      await me.ok('POST', CONFIG, { ...access(), endpoint: denying.url })
      denying.deny = new Set([method])
      expect((await me.call('POST', '/session/s3/test')).body.details).toMatchObject({
        step,
        storageCode: code,
        status: 403,
      })
    } finally {
      await denying.close()
    }
  })
})

describe('where endpoints may not be private', () => {
  let guarded: Awaited<ReturnType<typeof startLiveEdge>>
  beforeAll(async () => {
    guarded = await startLiveEdge({}, {}, { allowPrivate: false })
  })
  afterAll(() => guarded.close())

  it.each([
    'http://127.0.0.1:9000',
    'https://10.0.0.1',
    'https://169.254.169.254',
    'https://[::ffff:127.0.0.1]',
    'https://2130706433',
    'https://minio.internal',
  ])('[TS2] %s is refused when it is saved', async (endpoint) => {
    const me = await guarded.enter(guarded.sim.direct.createAccount())
    const { status, body } = await me.call('POST', CONFIG, { ...access(), endpoint })
    expect([status, body.code, body.field]).toEqual([403, 'FORBIDDEN', 'endpoint'])
    const tenant = { s3Config: { enabled: true, endpoint, bucket: 'media' } }
    const made = await guarded.edge.request('POST', '/admin/users', { admin: true, body: tenant })
    expect(made.status).toBe(403)
  })

  it('[TS2] is refused again when it is used', async () => {
    const me = await guarded.enter(guarded.sim.direct.createAccount())
    await me.ok('POST', CONFIG, { ...access(), endpoint: 'https://s3.example.com' })
    const saved = await me.session.storage()
    // As if the guard had been less strict when it was saved.
    me.session.storage = async () => ({ ...saved, endpoint: s3.url })
    expect((await me.call('POST', '/session/s3/test')).body).toMatchObject({
      code: 'STORAGE_FAILED',
      details: { step: 'write', storageCode: 'EndpointRefused' },
    })
  })
})

describe('the operator', () => {
  const admin = (method: string, path: string, body?: object) =>
    world.edge.request(method, path, { admin: true, ...(body === undefined ? {} : { body }) })

  it('sets the storage with the tenant, and sees it without its keys', async () => {
    const s3Config = {
      enabled: true,
      endpoint: s3.url,
      region: s3.region,
      bucket: s3.bucket,
      accessKey: s3.accessKey,
      secretKey: s3.secretKey,
      pathStyle: true,
      publicURL: '',
      mediaDelivery: 's3',
      retentionDays: 14,
    }
    const me = await enter({ s3Config })
    expect(await me.ok('POST', '/session/s3/test')).toMatchObject({ success: true })
    const { body, text } = await admin('GET', `/admin/users/${me.id}`)
    expect(body.data).toMatchObject({
      s3_config: { enabled: true, bucket: s3.bucket, secret_key: '***', retention_days: 14 },
    })
    expect(body).toMatchObject({
      s3_enabled: true,
      s3_endpoint: s3.url,
      s3_region: s3.region,
      s3_bucket: s3.bucket,
      media_delivery: 's3',
    })
    expect(text).not.toContain(s3.secretKey)
    await admin('PUT', `/admin/users/${me.id}`, { s3Config: { mediaDelivery: 'none' } })
    const after = (await me.ok('GET', CONFIG)).data as StorageView
    expect([after.media_delivery, after.enabled]).toEqual(['none', true])
    const list = (await admin('GET', '/admin/users')).body.data as { id: string }[]
    expect(list.find(({ id }) => id === me.id)).toMatchObject({ s3_config: { bucket: s3.bucket } })
  })

  it('makes no tenant with a storage that cannot be', async () => {
    const before = (await admin('GET', '/admin/users')).body.data as unknown[]
    const answer = await admin('POST', '/admin/users', { s3Config: { enabled: true } })
    expect([answer.status, answer.body.field]).toEqual([400, 'endpoint'])
    expect((await admin('GET', '/admin/users')).body.data).toHaveLength(before.length)
  })
})

it('no operation has two fields that differ by case and underscores only', () => {
  for (const { input } of Object.values(operations)) {
    const names = Object.keys(input.shape)
    expect(new Set(names.map(plainName)).size).toBe(names.length)
  }
})
