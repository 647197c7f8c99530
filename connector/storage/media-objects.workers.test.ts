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
import { r2Store } from './r2-store.ts'
import { Removal } from './removal.ts'

const { SESSION, MEDIA } = env as unknown as {
  SESSION: DurableObjectNamespace<Session>
  MEDIA: R2Bucket
}
const vault = createVault('00'.repeat(32))
const outbound = (): Outbound =>
  new Outbound({ policy: { allowPrivate: false }, clock: systemClock, fetch })

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

const keysOf = async (folder: string): Promise<string[]> =>
  (await MEDIA.list({ prefix: folder })).objects.map(({ key }) => key)

it('[MO7] a deleted tenant leaves nothing, neither in the object nor in the bucket', async () => {
  const { id, session } = await createTenant()
  await MEDIA.put(`users/${id}/inbox/1`, 'x')
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
      bucket: r2Store(MEDIA),
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
