import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { content, hashOf } from '../../test/support/content.ts'
import { startLiveEdge } from '../../test/support/live-edge.ts'
import { s3Access } from '../../test/support/media-world.ts'
import { type S3Server, startS3 } from '../../test/support/s3-server.ts'

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

const setup = async () => {
  const { me, friend, chatId } = await world.enterPair()
  const send = (fields: object) => me.call('POST', '/chat/send/document', { chatId, ...fields })
  const uploads = () => world.sim.direct.uploads.filter(({ ownerId }) => ownerId === me.account.id)
  return { me, friend, send, uploads }
}

describe('content from an S3 of the tenant', () => {
  const put = (key: string, disposition = ''): Promise<string> => {
    const bytes = Buffer.from(content('pdf', 5_000, key.length))
    s3.objects.set(key, { bytes, contentType: 'application/pdf', disposition, at: new Date() })
    return hashOf([bytes])
  }

  it('[TS3] is any object of its own bucket, under the name it was stored with', async () => {
    const { send, me, uploads } = await setup()
    await me.ok('POST', '/session/s3/config', s3Access(s3))
    const hash = await put(
      'anywhere/1',
      "inline; filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82.pdf",
    )
    expect(await send({ storageKey: 'anywhere/1' })).toMatchObject({ status: 200 })
    expect(uploads().at(-1)).toMatchObject({ name: 'Отчёт.pdf', sha256: hash })
    await send({ storageKey: 'anywhere/1', fileName: 'a.pdf' })
    expect(uploads().at(-1)).toMatchObject({ name: 'a.pdf' })
    const before = `users/${me.id}/inbox/before.pdf`
    await world.edge.bucket.put(before, content('pdf', 10))
    expect(await send({ storageKey: before })).toMatchObject({ status: 200 })
  })

  it("[TS3] is an object of its own folder when the operator gave the bucket's keys", async () => {
    const { send, me, friend, uploads } = await setup()
    const { access_key: accessKey, secret_key: secretKey, ...access } = s3Access(s3)
    const s3Config = { ...access, accessKey, secretKey, prefix: 'max' }
    const admin = { admin: true, body: { s3Config } }
    expect((await world.edge.request('PUT', `/admin/users/${me.id}`, admin)).status).toBe(200)
    const hash = await put(`max/users/${me.id}/a.pdf`)
    const own = await send({ storageKey: `max/users/${me.id}/a.pdf` })
    expect([own.status, uploads().at(-1)?.sha256]).toEqual([200, hash])
    const foreign = [`max/users/${friend.id}/a.pdf`, `users/${me.id}/a.pdf`, 'anywhere/1']
    for (const key of foreign) await put(key)
    for (const storageKey of foreign) {
      expect(await send({ storageKey })).toMatchObject({
        status: 404,
        body: { field: 'storageKey' },
      })
    }
    const around = `max/users/${me.id}/../${friend.id}/a.pdf`
    expect(await send({ storageKey: around })).toMatchObject({
      status: 422,
      body: { code: 'STORAGE_FAILED', details: { storageCode: 'InvalidKey' } },
    })
  })

  it('[TS3] that does not answer is told with its own code, and nothing is sent', async () => {
    const { send, me, uploads } = await setup()
    await me.ok('POST', '/session/s3/config', { ...s3Access(s3), secret_key: 'wrong' })
    expect(await send({ storageKey: 'anywhere/1' })).toMatchObject({
      status: 422,
      body: { code: 'STORAGE_FAILED', details: { storageCode: 'SignatureDoesNotMatch' } },
    })
    expect(uploads()).toEqual([])
  })
})
