import { describe, expect, it } from 'vitest'
import type { GatewayError } from '../schema/errors.ts'
import { Opcode } from '../schema/opcodes.ts'
import type { LoginStep } from '../schema/session-port.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, invoke, tenant } from '../test/support/live.ts'
import { photo } from '../test/support/media-world.ts'
import { runOperation } from './run-operation.ts'

const PHONE = '+79990001122'

describe.each(['binary', 'json', 'tcp'] as const)('login over %s', (encoding) => {
  const fresh = (account: { password?: string } = {}) => {
    const rig = createLive({ encoding })
    const me = rig.sim.direct.createAccount({ phone: PHONE, firstName: 'Me', ...account })
    const live = rig.boot()
    live.configure(tenant)
    return { ...rig, me, live }
  }

  it('[SS1] logs in by SMS and comes online on the same connection', async () => {
    const { live, me, world } = fresh()
    expect(await live.requestCode(PHONE, 'ru')).toMatchObject({ step: 'code', codeLength: 6 })
    expect(live.status().state).toBe('awaiting_code')
    expect(await codeOf(live.confirmCode('000000'))).toBe('CODE_WRONG')
    expect(await live.confirmCode('123456')).toMatchObject({ step: 'done', maxUserID: me.id })
    expect(live.status()).toMatchObject({ state: 'online', loggedIn: true, maxUserID: me.id })
    expect(world.dials).toBe(1)
  })

  it('[defect 49] [SS2] asks for the cloud password after the code', async () => {
    const { live } = fresh({ password: 'correct horse' })
    await live.requestCode(PHONE, 'ru')
    expect((await live.confirmCode('123456')).step).toBe('password')
    expect(live.status().state).toBe('awaiting_password')
    expect(await codeOf(live.checkPassword('wrong'))).toBe('PASSWORD_WRONG')
    expect((await live.checkPassword('correct horse')).step).toBe('done')
    expect(live.status().state).toBe('online')
  })

  it('[SS3] logs in by QR when the phone approves', async () => {
    const { live, sim, me, clock, bodies } = fresh()
    const qr = await live.qr()
    expect(qr.link).toMatch(/^https:\/\/max\.ru\/:auth\//)
    expect(await live.qr()).toEqual(qr)
    await clock.advance(11_000)
    expect(live.status().state).toBe('awaiting_qr')
    sim.direct.approveQr(me.id, qr.link)
    await clock.advance(6_000)
    expect(live.status().state).toBe('online')
    expect(bodies().map((event) => event.type)).toEqual(
      expect.arrayContaining(['QRGenerated', 'QRScanned', 'QRAuthorized', 'Connected']),
    )
  })

  it('[SS4] registers a new number', async () => {
    const { live } = fresh()
    await live.requestCode('+79995550000', 'ru')
    expect(await live.confirmCode('123456')).toEqual({ step: 'registration' })
    expect(live.status().state).toBe('registering')
    expect((await live.register('Новый', 'Человек')).step).toBe('done')
    expect(live.status().state).toBe('online')
  })

  it('[SS5] adopts a token; one that does not work leaves no trace', async () => {
    const { live, sim, me } = fresh()
    expect(await codeOf(live.adoptToken('no such token'))).toBe('LOGIN_REQUIRED')
    expect(live.status()).toMatchObject({ state: 'logged_out', authenticated: false })
    expect((await live.adoptToken(sim.direct.issueToken(me.id).token)).step).toBe('done')
    expect(await codeOf(live.qr())).toBe('ALREADY_LOGGED_IN')
    expect(await codeOf(live.adoptToken('another'))).toBe('ALREADY_LOGGED_IN')
  })
})

describe('login', () => {
  it('[SS6] refreshes an expired QR code, ten times at most', async () => {
    const { boot, clock, bodies, world } = createLive()
    const live = boot()
    live.configure(tenant)
    const first = await live.qr()
    await clock.advance(126_000)
    expect((await live.qr()).link).not.toBe(first.link)
    await clock.advance(11 * 130_000)
    expect(live.status().state).toBe('logged_out')
    const types = bodies().map((event) => event.type)
    expect(types.filter((type) => type === 'QRGenerated')).toHaveLength(11)
    expect(types.filter((type) => type === 'QRExpired')).toHaveLength(11)
    expect(world.dials).toBe(1)
  })

  it('[SS7] passes a captcha demand on and suggests the QR code', async () => {
    const { boot } = createLive({ settings: { sms: 'captcha' } })
    const live = boot()
    live.configure(tenant)
    const error = await live.requestCode(PHONE, 'ru').catch((thrown: GatewayError) => thrown)
    expect((error as GatewayError).data).toMatchObject({
      code: 'CAPTCHA_REQUIRED',
      details: {
        link: expect.stringMatching(/^https:/),
        suggestion: expect.stringContaining('/session/qr'),
      },
    })
  })

  it('[defect 29] [SS21] bounds wrong codes and passwords, however many codes are asked for', async () => {
    const { boot, sim, clock } = createLive({ settings: { codeAttempts: 4 } })
    const password = 'correct horse'
    sim.direct.createAccount({ phone: PHONE, firstName: 'Me', password })
    const live = boot()
    live.configure(tenant)
    const outcomes: string[] = []
    for (let n = 0; n < 10; n += 1) {
      if (n % 4 === 0) await live.requestCode(PHONE, 'ru')
      outcomes.push(await codeOf(live.confirmCode('000000')))
    }
    expect(new Set(outcomes)).toEqual(new Set(['CODE_WRONG']))
    expect(await codeOf(live.confirmCode('123456'))).toBe('TOO_MANY_ATTEMPTS')
    await clock.advance(60_000)
    expect((await live.confirmCode('123456')).step).toBe('password')
    expect(await codeOf(live.checkPassword('wrong'))).toBe('PASSWORD_WRONG')
    expect(await codeOf(live.checkPassword(password))).toBe('TOO_MANY_ATTEMPTS')
    await clock.advance(60_000)
    expect((await live.checkPassword(password)).step).toBe('done')
  })

  it('[defect 29] [SS21] bounds how many codes a tenant may ask for', async () => {
    const { boot, clock } = createLive({ settings: { codeRequests: 1_000 } })
    const live = boot()
    live.configure(tenant)
    for (let n = 0; n < 20; n += 1) await live.requestCode(`+7999000${1000 + n}`, 'ru')
    expect(await codeOf(live.requestCode(PHONE, 'ru'))).toBe('TOO_MANY_ATTEMPTS')
    expect(await codeOf(live.resendCode())).toBe('TOO_MANY_ATTEMPTS')
    await clock.advance(60_000)
    expect(await codeOf(live.resendCode())).toBe('ok')
  })

  it('[SS8] a step without the one before is refused', async () => {
    const { boot } = createLive()
    const live = boot()
    live.configure(tenant)
    for (const step of [
      () => live.confirmCode('123456'),
      () => live.resendCode(),
      () => live.checkPassword('x'),
      () => live.register('x'),
    ] as (() => Promise<LoginStep>)[]) {
      expect(await codeOf(step())).toBe('NO_PENDING_LOGIN')
    }
    expect(await codeOf(live.connect(0))).toBe('LOGIN_REQUIRED')
  })
})

describe('an online session', () => {
  it('[SS9] stores a message before it acknowledges it, and delivers it once', async () => {
    const { online, sim, clock, bodies } = createLive()
    const { me, friend } = await online()
    const sent = sim.direct.incoming({ to: me.id, from: friend.id, text: 'Привет' })
    await clock.advance(1_000)
    const messages = bodies().filter((event) => event.type === 'Message')
    expect(messages).toHaveLength(1)
    expect(messages[0]).toMatchObject({
      opcode: 128,
      userID: tenant.id,
      instanceName: tenant.name,
      event: { message: { id: String(sent.messageId), text: 'Привет' } },
    })
    // Acknowledged: nothing is sent again after a reconnect.
    sim.direct.close(me.id)
    await clock.advance(10_000)
    expect(bodies().filter((event) => event.type === 'Message')).toHaveLength(1)
  })

  it('[SS10] comes back by itself and misses nothing that was sent meanwhile', async () => {
    const { online, sim, pass, bodies, world } = createLive()
    const { live, me, friend } = await online()
    sim.direct.close(me.id)
    await settle()
    expect(live.status().state).toBe('waiting')
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'while you were away' })
    await pass(live, 10_000)
    expect(live.status().state).toBe('online')
    expect(world.dials).toBe(2)
    // The gateway's own events and the chat's are two lanes: each is in order by itself.
    const types = bodies().map((event) => event.type)
    expect(types.filter((type) => type === 'Message')).toHaveLength(1)
    expect(types.filter((type) => type !== 'Message')).toEqual([
      'Connected',
      'Sync',
      'Disconnected',
      'Connected',
      'Sync',
      'HistorySync',
    ])
  })

  it('[SS11] waits longer and longer, and keeps LOGINs a minute apart', async () => {
    const { online, pass, world, sim } = createLive()
    const { live, me } = await online()
    world.refuseDials = true
    sim.direct.close(me.id)
    await pass(live, 600_000)
    expect(world.dials).toBeLessThan(15)
    world.refuseDials = false
    await pass(live, 300_000)
    expect(live.status().state).toBe('online')
  })

  it('[SS12] stops when MAX no longer accepts the token, and says what to do', async () => {
    const { online, sim, pass, bodies, world } = createLive()
    const { live, me } = await online()
    sim.direct.fault({ kind: 'logout', userId: me.id, code: '', delayMs: 0, count: 1 })
    await pass(live, 120_000)
    expect(live.status()).toMatchObject({
      state: 'stopped',
      authenticated: false,
      action: expect.stringContaining('/session/qr'),
    })
    const dials = world.dials
    await pass(live, 600_000)
    expect(world.dials).toBe(dials)
    expect(bodies().some((event) => ['AuthExpired', 'LoggedOut'].includes(event.type))).toBe(true)
    expect(await codeOf(live.call(Opcode.CHAT_INFO, {}))).toBe('NOT_CONNECTED')
  })

  it('[SS13] keeps the newest token that LOGIN hands out, sealed', async () => {
    const { online, sim, pass, sql } = createLive({ settings: { rotateToken: 'new' } })
    const { live, me } = await online()
    const stored = () => String(sql.all("SELECT value FROM meta WHERE key = 'token'")[0]?.value)
    const first = stored()
    expect(first).toContain('sealed max-token')
    sim.direct.close(me.id)
    await pass(live, 10_000)
    expect(live.status().state).toBe('online')
    expect(stored()).not.toBe(first)
  })

  it('[SS14] after a crash it comes back with what it was doing', async () => {
    const { online, sim, boot, pass, bodies } = createLive()
    const { me, friend } = await online()
    sim.direct.close(me.id)
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'during the crash' })
    const second = boot()
    expect(second.status()).toMatchObject({ state: 'waiting', wanted: 'online' })
    await pass(second, 5_000)
    expect(second.status().state).toBe('online')
    expect(bodies().filter((event) => event.type === 'Message')).toHaveLength(1)
    await second.disconnect()
    expect(boot().status()).toMatchObject({ state: 'offline', authenticated: true })
  })

  it('[defect 9] [SS14] does not give up when MAX cannot be reached at the start', async () => {
    const { online, boot, pass, world } = createLive()
    await online()
    world.refuseDials = true
    const live = boot()
    await pass(live, 120_000)
    expect(live.status()).toMatchObject({ state: 'waiting', wanted: 'online' })
    world.refuseDials = false
    await pass(live, 300_000)
    expect(live.status().state).toBe('online')
  })

  it('[defect 8] answers while a receiver keeps events waiting', async () => {
    const { online, sim, world } = createLive()
    const { live, me, friend, chatId } = await online()
    let asked = 0
    world.deliver = () => {
      asked += 1
      return new Promise(() => {})
    }
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'one' })
    await settle()
    expect(asked).toBe(1)
    const { data } = await invoke(live, 'getHistory', { chatId })
    expect(data.messages).toMatchObject([{ text: 'one' }])
  })

  it('[SS15] keeps its alarm at least every 30 s while online, none while offline', async () => {
    const { online, world, clock, pass } = createLive()
    const { live } = await online()
    for (let i = 0; i < 10; i += 1) {
      expect(world.alarmAt! - clock.now()).toBeLessThanOrEqual(30_000)
      await pass(live, 30_000)
    }
    expect(live.status()).toMatchObject({ state: 'online', pingMs: 0 })
    await live.disconnect()
    await pass(live, 1_000)
    expect(world.alarmAt).toBeUndefined()
  })

  it('[defect 7] [SS16] a half-open socket is noticed and replaced', async () => {
    const { online, sim, pass, world } = createLive()
    const { live, me } = await online()
    sim.direct.fault({ kind: 'hang', userId: me.id, code: '', delayMs: 0, count: 4 })
    await pass(live, 120_000)
    sim.direct.clearFaults()
    await pass(live, 90_000)
    expect(world.dials).toBeGreaterThan(1)
    expect(live.status().state).toBe('online')
  })

  it('[SS17] follows a RECONNECT order to the named host', async () => {
    const { online, sim, pass, world } = createLive()
    const { live, me } = await online()
    sim.direct.push(me.id, Opcode.RECONNECT, { redirectHost: 'other.example:443', tls: true })
    await pass(live, 5_000)
    expect(world.redirects).toEqual([undefined, 'other.example:443'])
    expect(live.status().state).toBe('online')
  })

  it('[SS12] a session that MAX ends by a push is stopped, not retried', async () => {
    const { online, sim, pass, bodies, world } = createLive()
    const { live, me } = await online()
    sim.direct.push(me.id, Opcode.LOGOUT, {})
    await pass(live, 60_000)
    expect(live.status()).toMatchObject({ state: 'stopped', authenticated: false })
    expect(world.dials).toBe(1)
    expect(bodies().map((event) => event.type)).toEqual(['Connected', 'Sync', 'LoggedOut'])
  })

  it('[SS18] logging out forgets the account and tells MAX', async () => {
    const { online, sim, sql } = createLive()
    const { live } = await online()
    await live.logout()
    expect(live.status()).toMatchObject({ state: 'logged_out', authenticated: false, maxUserID: 0 })
    expect(sim.direct.state.online).toBe(0)
    expect(sql.all("SELECT * FROM meta WHERE key = 'token'")).toEqual([])
    expect(live.account.contacts()).toEqual([])
  })

  it('[SS20] asks at the next LOGIN only for what changed since the last', async () => {
    const { online, sim, pass, sql, bodies } = createLive()
    const { live, me, friend } = await online()
    const markers = JSON.parse(
      String(sql.all("SELECT value FROM meta WHERE key = 'markers'")[0]?.value),
    )
    expect(markers.time).toBeGreaterThan(1_700_000_000_000)
    sim.direct.close(me.id)
    await pass(live, 10_000)
    // The delta left the contacts out; they are still known.
    expect(live.account.contacts().map((contact) => Number(contact.id))).toContain(friend.id)
    expect(
      bodies()
        .filter((event) => event.type === 'Connected')
        .map((event) => event.reconnect),
    ).toEqual([false, true])
  })

  it('[SS19] knows the contacts that LOGIN told of', async () => {
    const { online } = createLive()
    const { live, friend } = await online()
    expect(live.account.contacts().map((contact) => Number(contact.id))).toContain(friend.id)
  })
})

describe('stored media', () => {
  it('[MO4] wake a session that is offline when their time is over', async () => {
    const { boot, bucket, world, clock, pass } = createLive()
    const live = boot()
    live.configure(tenant)
    await live.storage.save({ retention_days: 2 })
    const place = await live.media.begin(photo)
    await bucket.put(place.key, new Uint8Array(3))
    live.media.finish(place, photo, 3)
    const end = clock.now() + 2 * 86_400_000
    expect(world.alarmAt).toBe(end)
    const after = boot()
    after.configure({ ...tenant, updatedAt: 2 })
    expect(world.alarmAt).toBe(end)
    await pass(after, 2 * 86_400_000)
    expect([bucket.objects.size, after.media.nextAt]).toEqual([0, undefined])
  })
})

describe('the operation connect', () => {
  const context = { tenantId: tenant.id, generation: 1 }

  it('[defect 12] says that it connects, not that it is connected, while MAX does not answer', async () => {
    const { online, world, pass } = createLive()
    const { live } = await online()
    await live.disconnect()
    world.refuseDials = true
    const answer = runOperation(live, 'connect', { immediate: false }, context)
    await pass(live, 15_000)
    const data = { details: 'Connecting to MAX', alreadyConnected: false }
    expect(await answer).toMatchObject({ ok: true, data })
    expect(live.status().connected).toBe(false)
    world.refuseDials = false
    await pass(live, 120_000)
    expect(live.status().connected).toBe(true)
  })
})
