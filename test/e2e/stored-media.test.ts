import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { gatewayLink } from '../../connector/storage/media-link.ts'
import { createVault } from '../../connector/vault.ts'
import { content, hashOf } from '../support/content.ts'
import { type Gateway, startGateway, type Tenant } from '../support/gateway.ts'
import { withHostBucket } from '../support/host-bucket.ts'

const MiB = 1024 * 1024
const bytes = content('mp4', 20 * MiB)

let gateway: Gateway
let tenant: Tenant
let link: string
const keys = (id: string) => ({
  video: `users/${id}/inbox/-7/2026/11/25/videos/115912345678901234-0.mp4`,
  archive: `events/${id}/2026/11/25/05/000000000001.ndjson.gz`,
})

beforeAll(async () => {
  gateway = await startGateway()
  tenant = await gateway.createTenant({ sandbox: true })
  await gateway.stop()
  await withHostBucket(gateway.dataFile(''), async (bucket) => {
    const { video, archive } = keys(tenant.id)
    await bucket.put(video, bytes, { httpMetadata: { contentType: 'video/mp4' } })
    await bucket.put(archive, 'x')
  })
  await gateway.start()
  const masterKey = (await readFile(gateway.dataFile('master-key'), 'utf8')).trim()
  const expires = Math.floor(Date.now() / 1000) + 600
  link = await gatewayLink(createVault(masterKey), '', keys(tenant.id).video, expires)
})
afterAll(() => gateway.remove())

it('[ML3][ML6] a link of the gateway streams a file, whole and in parts', async () => {
  const whole = await fetch(gateway.url + link)
  expect([whole.status, whole.headers.get('content-length')]).toEqual([200, `${bytes.length}`])
  expect(whole.headers.get('content-type')).toBe('video/mp4')
  expect(await hashOf(whole.body ?? [])).toBe(await hashOf([bytes]))

  const part = await fetch(gateway.url + link, {
    headers: { range: `bytes=${5 * MiB}-${9 * MiB}` },
  })
  expect(part.status).toBe(206)
  expect(part.headers.get('content-range')).toBe(`bytes ${5 * MiB}-${9 * MiB}/${bytes.length}`)
  expect(part.headers.get('content-length')).toBe(`${4 * MiB + 1}`)
  expect(await hashOf(part.body ?? [])).toBe(await hashOf([bytes.subarray(5 * MiB, 9 * MiB + 1)]))

  const head = await fetch(gateway.url + link, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, `${bytes.length}`])
  expect((await fetch(gateway.url + link.replace('-0.mp4', '-1.mp4'))).status).toBe(403)
  const beyond = await fetch(gateway.url + link, { headers: { range: `bytes=${bytes.length}-` } })
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([
    416,
    `bytes */${bytes.length}`,
  ])
})

it('[MO7] a deleted tenant leaves nothing in the bucket', async () => {
  await gateway.admin.call('DELETE', `/admin/users/${tenant.id}`)
  expect((await fetch(gateway.url + link)).status).toBe(404)
  await gateway.stop()
  await withHostBucket(gateway.dataFile(''), async (bucket) => {
    expect((await bucket.list()).objects).toEqual([])
  })
})
