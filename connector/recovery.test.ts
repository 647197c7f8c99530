import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, invoke, tenant } from '../test/support/live.ts'

const MINUTE = 60_000
const PHONE = '+79990001122'
const text = (chatId: number, words: string) => ({
  chatId,
  message: { text: words, elements: [], attaches: [] },
  notify: true,
})
const fault = { code: '', delayMs: 0, count: 1 }

/** A session without an account, and an account to log in to. */
const loggedOut = () => {
  const rig = createLive()
  const me = rig.sim.direct.createAccount({ phone: PHONE, firstName: 'Me' })
  const live = rig.boot()
  live.configure(tenant)
  return { ...rig, me, live }
}

describe('wishes that cross', () => {
  it('[RC1] a disconnect during a login is not undone by it', async () => {
    const { live, sim, pass } = loggedOut()
    await live.requestCode(PHONE, 'ru')
    sim.direct.fault({ ...fault, kind: 'slow', opcode: Opcode.LOGIN, delayMs: 3_000 })
    const confirming = codeOf(live.confirmCode('123456'))
    await settle()
    await live.disconnect()
    expect(await confirming).not.toBe('ok')
    await pass(live, 2 * MINUTE)
    expect(live.status()).toMatchObject({ state: 'offline', wanted: 'offline' })
    expect(sim.direct.state.online).toBe(0)
  })

  it('[RC2] a logout during a login leaves no account and no connection', async () => {
    const { live, sim, pass } = loggedOut()
    await live.requestCode(PHONE, 'ru')
    sim.direct.fault({ ...fault, kind: 'slow', opcode: Opcode.LOGIN, delayMs: 3_000 })
    const confirming = codeOf(live.confirmCode('123456'))
    await settle()
    await live.logout()
    expect(await confirming).not.toBe('ok')
    await pass(live, 10 * MINUTE)
    expect(live.status()).toMatchObject({ state: 'logged_out', authenticated: false })
    expect(sim.direct.state.connections).toBe(0)
  })

  it('[RC3] everybody who asks while a dialogue begins shares it', async () => {
    const { live, world } = loggedOut()
    const codes = await Promise.all([live.qr(), live.qr(), live.qr()])
    expect(new Set(codes.map(({ link }) => link)).size).toBeLessThanOrEqual(3)
    expect(world.dials).toBe(1)
  })

  it('[defect 10] [RC4] of two adoptions at once one works and the other is told so', async () => {
    const { live, sim, me } = loggedOut()
    const { token } = sim.direct.issueToken(me.id)
    const outcomes = await Promise.all([
      codeOf(live.adoptToken(token)),
      codeOf(live.adoptToken(token)),
    ])
    expect(outcomes).toEqual(['ok', 'CONFLICT'])
    expect(live.status().state).toBe('online')
  })

  it('[RC5] an answer that comes after the login is over does not take the session down', async () => {
    const { live, sim, pass } = loggedOut()
    await live.requestCode(PHONE, 'ru')
    sim.direct.fault({ ...fault, kind: 'slow', opcode: Opcode.GET_QR, delayMs: 2_000 })
    const qr = codeOf(live.qr())
    await live.confirmCode('123456')
    await pass(live, 5_000)
    expect(await qr).toBe('NO_PENDING_LOGIN')
    expect(live.status().state).toBe('online')
  })

  it('[RC6] deleting a tenant while it connects ends it', async () => {
    const { online, sim, pass, world } = createLive()
    const { live, me } = await online()
    sim.direct.close(me.id)
    world.refuseDials = true
    await pass(live, 5_000)
    await live.destroy()
    const { dials } = world
    world.alarmAt = undefined
    await pass(live, 10 * MINUTE)
    expect(world.dials).toBe(dials)
    expect(world.alarmAt).toBeUndefined()
  })
})

describe('bad times', () => {
  it('[RC7] a message that a half-open socket swallowed is sent after the reconnect, once', async () => {
    const { online, sim, pass, sql } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.fault({ ...fault, kind: 'hang', userId: me.id, count: 6 })
    const sending = codeOf(live.send(text(chatId, 'through')))
    await pass(live, 2 * MINUTE)
    sim.direct.clearFaults()
    await pass(live, 3 * MINUTE)
    expect(await sending).toBe('OUTCOME_UNKNOWN')
    expect(live.status()).toMatchObject({ state: 'online', pendingSends: 0 })
    expect(sim.direct.messages(me.id, chatId)).toHaveLength(1)
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'sent' }])
  })

  it('[RC8] a message of one account never leaves under another', async () => {
    const { online, sim, pass, sql } = createLive()
    const { live, me, chatId } = await online()
    const other = sim.direct.createAccount({ firstName: 'Other' })
    sim.direct.fault({ ...fault, kind: 'drop', userId: me.id, opcode: 64 })
    void live.send(text(0, 'to my own saved messages')).catch(() => {})
    await settle()
    await live.logout()
    await live.adoptToken(sim.direct.issueToken(other.id).token)
    await pass(live, MINUTE)
    expect(sim.direct.messages(other.id, 0)).toEqual([])
    expect(sim.direct.messages(me.id, chatId)).toEqual([])
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'unknown' }])
    expect(live.status().pendingSends).toBe(0)
  })

  it('[RC9] logging in again by token ends a stop for good', async () => {
    const { online, sim, pass, boot } = createLive()
    const { live, me } = await online()
    sim.direct.fault({ ...fault, kind: 'logout', userId: me.id })
    await pass(live, MINUTE)
    expect(live.status().state).toBe('stopped')
    await live.adoptToken(sim.direct.issueToken(me.id).token)
    const restarted = boot()
    await pass(restarted, 70_000)
    expect(restarted.status().state).toBe('online')
  })

  it('[RC10] neither impatience nor restarts shorten a wait that MAX imposes', async () => {
    const { online, sim, pass, boot, world } = createLive()
    const { live, me } = await online()
    sim.direct.fault({
      ...fault,
      kind: 'error',
      opcode: 19,
      code: 'login.flood',
      count: 99,
    })
    sim.direct.close(me.id)
    await pass(live, 5_000)
    const { dials } = world
    for (let i = 0; i < 60; i += 1) {
      await live.connect(0)
      await pass(live, 5_000)
    }
    let restarted = live
    for (let i = 0; i < 10; i += 1) {
      restarted = boot()
      await pass(restarted, 4_000)
    }
    expect(world.dials).toBe(dials)
    sim.direct.clearFaults()
    await pass(restarted, 61 * MINUTE)
    expect(restarted.status().state).toBe('online')
  })

  it('[RC11] a host that a RECONNECT named and that is down does not strand the session', async () => {
    const { online, sim, pass, world } = createLive()
    const { live, me } = await online()
    world.refuseDials = true
    sim.direct.push(me.id, Opcode.RECONNECT, { redirectHost: 'dead.example', tls: true })
    await pass(live, 5_000)
    world.refuseDials = false
    await pass(live, 5 * MINUTE)
    expect(world.redirects.slice(1, 3)).toEqual(['dead.example', undefined])
    expect(live.status().state).toBe('online')
  })

  it('[RC12] a dialogue on a dead connection begins anew', async () => {
    const { live, sim, pass, world } = loggedOut()
    await live.requestCode(PHONE, 'ru')
    sim.direct.fault({ ...fault, kind: 'hang', count: 1 })
    const silent = codeOf(live.resendCode())
    await pass(live, 31_000)
    expect(await silent).toBe('MAX_TIMEOUT')
    expect((await live.requestCode(PHONE, 'ru')).step).toBe('code')
    expect(world.dials).toBe(2)
  })
})

describe('second chances', () => {
  it('[RC13] a refusal for the moment does not burn the idempotency key', async () => {
    const { online, sim } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.fault({
      ...fault,
      kind: 'error',
      userId: me.id,
      opcode: 64,
      code: 'service.unavailable',
    })
    const send = () => invoke(live, 'sendText', { chatId, text: 'x' }, { idempotencyKey: 'key' })
    expect(await codeOf(send())).toBe('MAX_UNAVAILABLE')
    expect(await codeOf(send())).toBe('ok')
    expect((await send()).replayed).toBe(true)
    expect(sim.direct.messages(me.id, chatId)).toHaveLength(1)
  })

  it('[RC14] a webhook that said 410 gets another chance when it is set again', async () => {
    const { online, sim, world, clock, bodies } = createLive()
    const { live, me, friend } = await online()
    world.deliver = () => ({ kind: 'gone', error: '410' })
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'a' })
    await clock.advance(100)
    expect(live.status().delivery).toMatchObject({ failing: true, lastError: '410' })
    world.deliver = () => ({ kind: 'delivered' })
    live.configure(tenant)
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'b' })
    await clock.advance(100)
    expect(bodies().filter((event) => event.type === 'Message')).toEqual([])
    live.configure(tenant, true)
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'c' })
    await clock.advance(100)
    expect(bodies().filter((event) => event.type === 'Message')).toHaveLength(1)
  })

  it('[RC15] reading, marking unread and reading again are three events', async () => {
    const { online, sim, clock, bodies } = createLive()
    const { me, friend, chatId } = await online()
    for (const setAsUnread of [false, true, false]) {
      sim.direct.push(me.id, Opcode.NOTIF_MARK, { chatId, userId: friend.id, mark: 5, setAsUnread })
    }
    await clock.advance(100)
    expect(bodies().filter((event) => event.type === 'ReadReceipt')).toHaveLength(3)
  })

  it('[RC16] settings that arrive late do not undo newer ones', async () => {
    const { online } = createLive()
    const { live } = await online()
    live.setEvents(['Typing'])
    live.configure({ ...tenant, events: ['All'] })
    expect(live.events()).toEqual(['Typing'])
    live.configure({ ...tenant, events: ['Message'], updatedAt: Number.MAX_SAFE_INTEGER })
    expect(live.events()).toEqual(['Message'])
  })
})
