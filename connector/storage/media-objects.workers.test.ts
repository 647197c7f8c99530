/// <reference types="@cloudflare/vitest-plugin/types" />
import { abortAllDurableObjects, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import type { SessionRpc } from '../../schema/session-port.ts'
import { eventually } from '../../test/support/eventually.ts'
import { systemClock } from '../clock.ts'
import { Outbound } from '../outbound-fetch.ts'
import { objectSql, type Session } from '../session.ts'
import { Store } from '../store.ts'
import { createVault } from '../vault.ts'
import type { MediaObject } from './media-key.ts'
import { MediaObjects } from './media-objects.ts'
import { Removal } from './removal.ts'
import { StorageSettings } from './settings.ts'

const { SESSION, MEDIA } = env as unknown as {
  SESSION: DurableObjectNamespace<Session>
  MEDIA: R2Bucket
}
const MiB = 1024 * 1024
const vault = createVault('00'.repeat(32))
const outbound = (): Outbound =>
  new Outbound({ policy: { allowPrivate: false }, clock: systemClock, fetch })

const video: MediaObject = {
  direction: 'inbox',
  chatId: '-7',
  messageId: '115912345678901234',
  index: 0,
  kind: 'video',
  sentAt: Date.parse('2026-11-25T04:00:00Z'),
  contentType: 'video/mp4',
}

const createTenant = async (): Promise<{ id: string; session: SessionRpc }> => {
  const id = crypto.randomUUID()
  const session = SESSION.getByName(id) as unknown as SessionRpc
  await session.configure({
    id,
    name: 'Test',
    generation: 1,
    updatedAt: 1,
    sandbox: true,
    webhook: '',
    events: [],
  })
  return { id, session }
}

/** Over the object's own storage, as the session has it. */
const within = (id: string, work: (media: MediaObjects) => Promise<void>): Promise<void> =>
  runInDurableObject(SESSION.getByName(id), (_object, state) => {
    const store = new Store(objectSql(state.storage))
    const settings = new StorageSettings({
      store,
      vault,
      refusal: () => undefined,
      onRetention: () => media.redate(),
    })
    const media = new MediaObjects({
      store,
      vault,
      clock: systemClock,
      log: () => {},
      bucket: MEDIA,
      outbound: outbound(),
      publicUrl: '',
      settings: () => settings.current,
      onWait: () => {},
    })
    return work(media)
  })

const streamOf = (pieces: number): ReadableStream<Uint8Array> => {
  let left = pieces
  return new ReadableStream({
    pull: (controller) => {
      if (left === 0) controller.close()
      else controller.enqueue(new Uint8Array(MiB).fill(left))
      left -= 1
    },
  })
}

const keysOf = async (folder: string): Promise<string[]> =>
  (await MEDIA.list({ prefix: folder })).objects.map(({ key }) => key)

it('[MO1][MO2] stores in R2: bytes, and streams of known and unknown size', async () => {
  const { id } = await createTenant()
  await within(id, async (media) => {
    const bytes = await media.put(video, new Uint8Array(10))
    const known = await media.put({ ...video, index: 1, size: MiB }, streamOf(1))
    const unknown = await media.put({ ...video, index: 2 }, streamOf(6))
    for (const { key, size } of [bytes, known, unknown]) {
      expect((await MEDIA.head(key))?.size).toBe(size)
    }
    expect([known.size, unknown.size]).toEqual([MiB, 6 * MiB])
    const wrong = media.put({ ...video, index: 3, size: 2 * MiB }, streamOf(1))
    expect(await wrong.catch(() => 'refused')).toBe('refused')
    expect(await keysOf(`users/${id}/inbox/-7/2026/11/25/videos/`)).toHaveLength(3)
  })
})

it('[MO7] a deleted tenant leaves nothing, neither in the object nor in the bucket', async () => {
  const { id, session } = await createTenant()
  await within(id, async (media) => void (await media.put(video, new Uint8Array(10))))
  await MEDIA.put(`events/${id}/2026/11/25/05/000000000001.ndjson.gz`, 'x')
  await session.destroy()
  expect([await keysOf(`users/${id}/`), await keysOf(`events/${id}/`)]).toEqual([[], []])
  await abortAllDurableObjects()
  const left = await runInDurableObject(SESSION.getByName(id), async (_object, state) => ({
    alarm: await state.storage.getAlarm(),
    meta: state.storage.sql.exec('SELECT * FROM meta').toArray(),
  }))
  expect(left).toEqual({ alarm: null, meta: [] })
})

it('[MO8] deleting goes on by itself after a restart; meanwhile nobody knows the tenant', async () => {
  const { id } = await createTenant()
  const folder = `users/${id}/outbox/`
  await MEDIA.put(`${folder}1`, 'x')
  // As if it had gone down right after the first word of its deletion.
  await runInDurableObject(SESSION.getByName(id), (_object, state) => {
    new Removal({
      store: new Store(objectSql(state.storage)),
      vault,
      clock: systemClock,
      log: () => {},
      bucket: MEDIA,
      outbound,
    }).begin()
  })
  await abortAllDurableObjects()
  expect(await keysOf(folder)).toHaveLength(1)
  const revived = SESSION.getByName(id) as unknown as SessionRpc
  expect(await revived.invoke('getStatus', {}, { tenantId: id, generation: 1 })).toMatchObject({
    error: { code: 'UNAUTHORIZED' },
  })
  await eventually(async () => expect(await keysOf(folder)).toEqual([]))
})
