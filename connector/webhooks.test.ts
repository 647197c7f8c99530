import { describe, expect, it } from 'vitest'
import { codeOf, createLive, tenant } from '../test/support/live.ts'

const url = 'https://example.com/hook'

/** A session with one endpoint beside the first. */
const create = async () => {
  const rig = createLive()
  const live = rig.boot()
  await live.webhooks.prepare()
  live.configure({ ...tenant, webhook: 'https://example.com/first' })
  const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
  const { id } = await live.webhooks.create({ url, secret, headers: { authorization: 'Bearer 1' } })
  return { ...rig, live, id, secret }
}

describe('Webhooks', () => {
  it('[WE15] survive a restart; no secret of theirs is stored in clear', async () => {
    const { boot, sql, id, secret } = await create()
    const stored = JSON.stringify(sql.all('SELECT * FROM webhooks'))
    expect(stored).not.toContain(secret)
    expect(stored).not.toContain('Bearer')
    const { webhooks } = boot()
    expect(webhooks.get(id)).toMatchObject({ url, headerNames: ['authorization'] })
    expect(webhooks.list().map((each) => each.id)).toEqual(['default', id])
    expect(await webhooks.secretOf(id)).toBe(secret)
  })

  it.each([
    'http://example.com/',
    'https://10.0.0.1/',
    'https://[::ffff:169.254.169.254]/',
  ])('[WE8] refuse %s, when it is made and when it is changed', async (forbidden) => {
    const { live, id } = await create()
    expect(await codeOf(live.webhooks.create({ url: forbidden }))).toBe('FORBIDDEN')
    expect(await codeOf(live.webhooks.update(id, { url: forbidden }))).toBe('FORBIDDEN')
    expect(live.webhooks.get(id).url).toBe(url)
  })

  it('[WE16] that are removed leave nothing behind', async () => {
    const { live, sql, id } = await create()
    live.webhooks.remove(id)
    expect(live.webhooks.list().map((each) => each.id)).toEqual(['default'])
    for (const table of ['cursors', 'parked', 'redeliveries']) {
      expect(sql.all(`SELECT * FROM ${table} WHERE destination = ?`, id)).toEqual([])
    }
    expect(sql.all('SELECT * FROM attempts WHERE destination = ?', id)).toEqual([])
  })

  it('[WE17] keep the first secret of before there were several', async () => {
    const { sql, boot, live } = await create()
    const secret = await live.webhooks.secretOf('default')
    await live.webhooks.prepare()
    expect(await live.webhooks.secretOf('default')).toBe(secret)
    expect(await boot().webhooks.secretOf('default')).toBe(secret)
    expect(sql.all("SELECT * FROM meta WHERE key = 'webhookSecret'")).toEqual([])
  })
})
