import { describe, expect, it, onTestFinished } from 'vitest'
import { content } from '../../test/support/content.ts'
import {
  createMedia,
  type MediaWorld,
  PHOTO_KEY,
  passMedia,
  photo,
  s3Access,
} from '../../test/support/media-world.ts'
import { startS3 } from '../../test/support/s3-server.ts'
import { deletionDelay } from './deletion.ts'

const DAY_MS = 86_400_000
const bytes = content('jpeg', 1_000)

const startOwnS3 = async () => {
  const s3 = await startS3()
  onTestFinished(() => s3.close())
  return s3
}
const rows = ({ sql }: MediaWorld) => sql.all('SELECT * FROM stored_objects ORDER BY key')
const numbered = (n: number) => ({ ...photo, index: n })

describe('MediaObjects', () => {
  it('[MO1] stores under a key of the message, with its type and name, until its retention ends', async () => {
    const { media, keep, bucket, clock } = createMedia()
    const now = clock.now()
    const stored = await keep({ ...photo, fileName: 'Кот.jpg' }, bytes)
    expect(stored).toEqual({
      key: PHOTO_KEY,
      size: 1_000,
      contentType: 'image/jpeg',
      fileName: 'Кот.jpg',
      storedAt: now,
      expiresAt: now + 30 * DAY_MS,
    })
    const object = bucket.objects.get(PHOTO_KEY)
    expect(object?.bytes).toEqual(bytes)
    expect(object?.httpMetadata).toMatchObject({
      contentType: 'image/jpeg',
      contentDisposition: expect.stringContaining("filename*=UTF-8''%D0%9A%D0%BE%D1%82.jpg"),
    })
    expect(media.find(PHOTO_KEY)).toEqual(stored)
    await keep(photo, bytes)
    expect([bucket.objects.size, media.find('another')]).toEqual([1, undefined])
  })

  it('[MO2][MO3] what failed to be stored is not told of, and leaves nothing', async () => {
    const world = createMedia()
    const place = await world.media.begin(photo)
    await world.bucket.put(PHOTO_KEY, bytes)
    world.media.fail(place)
    expect(world.media.find(PHOTO_KEY)).toBeUndefined()
    await passMedia(world, 2 * 3_600_000)
    expect([rows(world), world.bucket.objects.size]).toEqual([[], 0])
  })

  it('[MO3] what a crash left half stored is deleted a day later, even if it should stay for ever', async () => {
    const world = createMedia()
    await world.settings.save({ retention_days: 0 })
    await world.media.begin(photo)
    await world.bucket.put(PHOTO_KEY, bytes)
    const after = { ...world, ...world.boot() }
    expect(after.media.find(PHOTO_KEY)).toBeUndefined()
    await passMedia(after, DAY_MS)
    expect([world.bucket.objects.size, rows(world)]).toEqual([0, []])
  })

  it('[MO3] a second attempt that fails does no harm to what is stored', async () => {
    const world = createMedia()
    const stored = await world.keep(photo, bytes)
    world.bucket.failure = new Error('down')
    await expect(world.keep(photo, bytes)).rejects.toThrow('the bucket did not answer')
    world.bucket.failure = undefined
    await passMedia(world, 2 * DAY_MS)
    expect([world.media.find(PHOTO_KEY), world.bucket.objects.size]).toEqual([stored, 1])
  })
})

describe('retention', () => {
  it('[MO4] deletes when the days are over, over a restart, and not before', async () => {
    const world = createMedia()
    await world.keep(photo, bytes)
    await passMedia(world, 29 * DAY_MS)
    await world.keep(numbered(1), bytes)
    const after = { ...world, ...world.boot() }
    await passMedia(after, DAY_MS - 1)
    expect(world.bucket.objects.size).toBe(2)
    expect(after.media.nextAt).toBe(world.clock.now() + 1)
    await passMedia(after, 1)
    expect([...world.bucket.objects.keys()]).toEqual([PHOTO_KEY.replace('-0.', '-1.')])
    await passMedia(after, 29 * DAY_MS)
    expect([world.bucket.objects.size, rows(world), after.media.nextAt]).toEqual([0, [], undefined])
  })

  it('[MO4] another number of days holds for what is stored already', async () => {
    const world = createMedia()
    const { media, keep, settings, clock, bucket } = world
    const { storedAt } = await keep(photo, bytes)
    await settings.save({ retention_days: 0 })
    expect([media.nextAt, media.find(PHOTO_KEY)?.expiresAt]).toEqual([undefined, undefined])
    await passMedia(world, 100 * DAY_MS)
    expect(bucket.objects.size).toBe(1)
    await settings.save({ retention_days: 101 })
    expect(media.find(PHOTO_KEY)?.expiresAt).toBe(storedAt + 101 * DAY_MS)
    await settings.forget()
    expect(media.nextAt).toBeLessThan(clock.now())
    await passMedia(world, 0)
    expect(bucket.objects.size).toBe(0)
  })

  it('[MO4] deletes more than one go may', async () => {
    const s3 = await startOwnS3()
    const world = createMedia()
    await world.settings.save({ ...s3Access(s3), retention_days: 1 })
    for (let n = 0; n < 50; n += 1) await world.keep(numbered(n), bytes)
    await passMedia(world, DAY_MS - 1)
    s3.skewMs = DAY_MS
    await world.clock.advance(1)
    await world.media.tick()
    expect([s3.objects.size, rows(world).length]).toEqual([10, 10])
    await world.media.tick()
    expect([s3.objects.size, rows(world), world.logged]).toEqual([0, [], []])
  })

  it('[MO5] a store that fails is asked again with growing waits, and nothing is forgotten', async () => {
    const world = createMedia()
    const { media, keep, bucket, clock } = world
    await keep(photo, bytes)
    await passMedia(world, 30 * DAY_MS - 1)
    bucket.failure = new Error('down')
    for (let failures = 1; failures < 12; failures += 1) {
      await clock.advance(Math.max(0, media.nextAt! - clock.now()))
      await media.tick()
      expect(media.nextAt).toBe(clock.now() + deletionDelay(failures))
    }
    expect(deletionDelay(100)).toBe(6 * 3_600_000)
    expect([rows(world).length, bucket.objects.size]).toEqual([1, 1])
    bucket.failure = undefined
    await passMedia(world, DAY_MS)
    expect([rows(world), bucket.objects.size]).toEqual([[], 0])
    expect(world.logged.every(([level]) => level === 'warn')).toBe(true)
  })

  it('[MO5] an object that cannot be deleted holds up no other, nor does a store another', async () => {
    const s3 = await startOwnS3()
    const world = createMedia()
    const { keep, settings, clock, bucket } = world
    await settings.save({ retention_days: 1 })
    await keep(numbered(0), bytes)
    await settings.save({ ...s3Access(s3) })
    for (const n of [1, 2, 3]) await keep(numbered(n), bytes)
    const locked = PHOTO_KEY.replace('-0.', '-2.')
    s3.skewMs = DAY_MS
    s3.denyKey = locked
    await clock.advance(DAY_MS)
    await passMedia(world, 5 * 60_000)
    expect([bucket.objects.size, [...s3.objects.keys()]]).toEqual([0, [locked]])
    expect(rows(world)).toMatchObject([{ key: locked }])
  })

  it('[MO6] deletes in an S3 that is no longer in use while its keys are known', async () => {
    const s3 = await startOwnS3()
    const world = createMedia()
    await world.settings.save({ ...s3Access(s3), retention_days: 1 })
    await world.keep(photo, bytes)
    await world.settings.save({ enabled: false })
    s3.skewMs = DAY_MS
    await passMedia(world, DAY_MS)
    expect([s3.objects.size, rows(world)]).toEqual([0, []])
  })

  it('[MO6] leaves objects in an S3 whose keys are gone, and says so', async () => {
    const s3 = await startOwnS3()
    const world = createMedia()
    await world.settings.save({ ...s3Access(s3), retention_days: 1 })
    await world.keep(photo, bytes)
    await world.settings.forget()
    await passMedia(world, 30 * DAY_MS)
    expect([s3.objects.size, rows(world)]).toEqual([1, []])
    expect(world.logged).toEqual([
      ['warn', 'media stay in a storage whose keys are gone', { objects: 1 }],
    ])
  })
})

describe('links', () => {
  it('[ML1] are signed by the gateway for its own bucket, behind its address', async () => {
    const { media, keep, vault, clock } = createMedia('https://max.example.com')
    await keep(photo, bytes)
    const link = new URL(String(await media.link(PHOTO_KEY, 60)))
    expect(`${link.origin}${link.pathname}`).toBe(`https://max.example.com/media/${PHOTO_KEY}`)
    expect(Number(link.searchParams.get('expires'))).toBe(Math.floor(clock.now() / 1000) + 60)
    expect(link.searchParams.get('signature')).toMatch(/^[\w-]{43}$/)
    expect(await vault.sign('x', 'media-link')).not.toBe(await vault.sign('x', 'other'))
    expect(await media.link('users/tenant-1/none', 60)).toBeUndefined()
  })

  it('[ML2] are signed by an S3 of the tenant, or open under its public address', async () => {
    const s3 = await startOwnS3()
    const { media, keep, settings } = createMedia()
    await settings.save({ ...s3Access(s3), prefix: 'a b' })
    const { key } = await keep({ ...photo, fileName: 'Кот.jpg' }, bytes)
    const answer = await fetch(String(await media.link(key, 60)))
    expect([answer.status, new Uint8Array(await answer.arrayBuffer())]).toEqual([200, bytes])
    expect(answer.headers.get('content-disposition')).toContain('%D0%9A%D0%BE%D1%82.jpg')
    await settings.save({ public_url: 'https://cdn.example.com/x/' })
    expect(await media.link(key, 60)).toBe(`https://cdn.example.com/x/a%20b/${PHOTO_KEY}`)
    await settings.forget()
    expect(await media.link(key, 60)).toBeUndefined()
  })
})
