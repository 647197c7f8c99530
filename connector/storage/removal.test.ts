import { describe, expect, it, onTestFinished } from 'vitest'
import { createMedia, type MediaWorld, photo, s3Access } from '../../test/support/media-world.ts'
import { startS3 } from '../../test/support/s3-server.ts'

const DAY_MS = 86_400_000
const bytes = new Uint8Array(10)

/** Steps until nothing is left, over so many restarts as there are steps. */
const finish = async (world: MediaWorld): Promise<number> => {
  for (let steps = 1; ; steps += 1) {
    const { removal } = world.boot()
    const at = await removal.step()
    if (at === undefined) return steps
    await world.clock.advance(at - world.clock.now())
  }
}

describe('Removal', () => {
  it('[MO7] forgets the tenant at once, and deletes its folders and nothing else', async () => {
    const world = createMedia()
    const { keep, removal, bucket, sql, store } = world
    await keep(photo, bytes)
    const others = ['users/tenant-10/a', 'users/tenant-1', 'events/tenant-12/a', 'spool/x']
    for (const key of ['users/tenant-1/unknown', 'events/tenant-1/2026/a.gz', ...others]) {
      await bucket.put(key, bytes)
    }
    store.set('token', 'v1.sealed')
    removal.begin()
    expect(store.get('config')).toBeUndefined()
    const left = sql.all('SELECT key, value FROM meta')
    expect(left).toMatchObject([{ key: 'removal' }])
    expect(sql.all('SELECT * FROM stored_objects')).toEqual([])
    expect(await finish(world)).toBe(1)
    expect([...bucket.objects.keys()].sort()).toEqual(others.sort())
  })

  it('[MO7] takes as many steps as there are pages', async () => {
    const world = createMedia()
    for (let n = 0; n < 2_500; n += 1) await world.bucket.put(`users/tenant-1/${n}`, bytes)
    world.removal.begin()
    expect(await finish(world)).toBe(3)
    expect(world.bucket.objects.size).toBe(0)
  })

  it('[MO8] deletes what it stored in an S3 of its own, and no other object there', async () => {
    const s3 = await startS3()
    onTestFinished(() => s3.close())
    const world = createMedia()
    await world.settings.save(s3Access(s3))
    for (let n = 0; n < 45; n += 1) await world.keep({ ...photo, index: n }, bytes)
    const foreign = { bytes: Buffer.from('x'), contentType: 'text/plain', disposition: '' }
    s3.objects.set('users/tenant-1/foreign', { ...foreign, at: new Date() })
    world.removal.begin()
    expect(JSON.stringify(world.sql.all('SELECT * FROM meta'))).not.toContain(s3.secretKey)
    expect(await finish(world)).toBe(2)
    expect([...s3.objects.keys()]).toEqual(['users/tenant-1/foreign'])
  })

  it('[MO8] goes on after failures, with growing waits', async () => {
    const world = createMedia()
    const { removal, bucket, clock } = world
    await bucket.put('users/tenant-1/a', bytes)
    removal.begin()
    bucket.failure = new Error('down')
    expect(await removal.step()).toBe(clock.now() + 60_000)
    expect(await removal.step()).toBe(clock.now() + 120_000)
    expect(await world.boot().removal.step()).toBe(clock.now() + 240_000)
    bucket.failure = undefined
    expect(await world.boot().removal.step()).toBeUndefined()
    expect(bucket.objects.size).toBe(0)
  })

  it('[MO8] gives an S3 that refuses up after a week, and says so; the bucket is emptied at once', async () => {
    const s3 = await startS3()
    onTestFinished(() => s3.close())
    const world = createMedia()
    await world.keep(photo, bytes)
    await world.settings.save(s3Access(s3))
    await world.keep(photo, bytes)
    s3.fault = (_request, response) => response.writeHead(403).end()
    world.removal.begin()
    const since = world.clock.now()
    expect(await world.removal.step()).toBe(since + 60_000)
    expect(world.bucket.objects.size).toBe(0)
    await finish(world)
    expect(world.clock.now() - since).toBeGreaterThanOrEqual(7 * DAY_MS)
    expect(world.logged.at(-1)).toMatchObject([
      'error',
      "objects of a deleted tenant stay in the tenant's own S3",
      { objects: 1 },
    ])
  })
})
