import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { TestLine } from '../test/sandbox/line.ts'
import { meet } from '../test/support/away.ts'
import { settle } from '../test/support/fake-clock.ts'
import { createLive, tenant } from '../test/support/live.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const fault = { code: '', delayMs: 0, count: 1 }

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))

describe('catching up', () => {
  it('[CU1] [pain 1] tells what was written while the session was away, in order', async () => {
    const { write, goOffline, comeBack, told, summary } = await meet()
    write('before')
    await settle()
    await goOffline()
    for (const text of ['a', 'b', 'c']) write(text)
    await comeBack()
    expect(told()).toEqual([
      ['Message', 'before', false],
      ...['a', 'b', 'c'].map((text) => ['Message', text, true]),
    ])
    expect(summary()).toMatchObject({
      chats: 1,
      messages: 3,
      edits: 0,
      deletes: 0,
      truncated: false,
    })
  })

  it.each(['json', 'tcp'] as const)('[CU1] [CU4] does so over %s', async (encoding) => {
    const { write, edit, remove, goOffline, comeBack, told } = await meet({ encoding })
    const ids = ['a', 'b', 'c'].map((text) => write(text))
    await settle()
    await goOffline()
    write('d')
    edit(ids[0] ?? '', 'a, edited')
    remove([ids[1] ?? ''])
    await comeBack()
    expect(told().slice(3)).toEqual([
      ['MessageEdit', 'a, edited', true],
      ['Message', 'd', true],
      ['MessageDelete', undefined, true],
    ])
  })

  it('[CU1] reads many pages, and a page that ends within a millisecond', async () => {
    const { write, goOffline, comeBack, told, clock, summary } = await meet()
    await goOffline()
    for (let n = 0; n < 350; n += 1) {
      write(String(n))
      if (n % 7 === 0) await clock.advance(1)
    }
    await comeBack()
    expect(told().map(([, text]) => text)).toEqual(numbers(350))
    expect(summary()).toMatchObject({ messages: 350, truncated: false })
  })

  it('[CU1] finds more chats than LOGIN names', async () => {
    const { sim, me, friend, write, goOffline, comeBack, told, clock, summary } = await meet()
    const groups = Array.from({ length: 95 }, (_, n) =>
      sim.direct.createGroup({
        ...{ type: 'CHAT', ownerId: friend.id, title: `Group ${n}`, userIds: [me.id] },
      }),
    )
    await clock.advance(HOUR)
    await goOffline()
    for (const [n, { chat }] of groups.entries()) {
      write(`to ${n}`, chat.id)
      await clock.advance(n % 3)
    }
    await comeBack()
    expect(new Set(told().map(([, text]) => text))).toEqual(
      new Set(groups.map((_, n) => `to ${n}`)),
    )
    expect(told()).toHaveLength(95)
    expect(summary()).toMatchObject({ messages: 95, truncated: false })
  })

  it('[CU1] [pain 5] works after a crash, from what is stored', async () => {
    const { write, boot, crash, comeBack, told } = await meet()
    write('before')
    await settle()
    crash()
    write('during')
    await comeBack(boot())
    expect(told()).toEqual([
      ['Message', 'before', false],
      ['Message', 'during', true],
    ])
  })

  it('[CU1] [CU4] finds an edit from a long outage after a crash, though its catch-up broke off', async () => {
    const { sim, me, write, edit, boot, crash, pass, comeBack, told, clock } = await meet()
    const id = write('before')
    await settle()
    crash()
    edit(id, 'edited')
    // Away for longer than the slack that is given to the time of a loss.
    await clock.advance(10 * MINUTE)
    const next = boot()
    for (let n = 0; n < 3_000 && next.status().state !== 'online'; n += 1) await pass(next, 100)
    expect(next.status().state).toBe('online')
    sim.direct.close(me.id)
    await comeBack(next)
    expect(told()).toEqual([
      ['Message', 'before', false],
      ['MessageEdit', 'edited', true],
    ])
  })

  it('[CU1] tells nothing twice that MAX repeats by itself', async () => {
    const { write, goOffline, comeBack, told } = await meet({ settings: { resendUnacked: true } })
    await goOffline()
    for (const text of ['a', 'b']) write(text)
    await comeBack()
    expect(told().map(([, text]) => text)).toEqual(['a', 'b'])
  })

  it('[CU1] tells what happened to groups', async () => {
    const { sim, me, friend, goOffline, comeBack, bodies, world, clock } = await meet()
    await goOffline()
    const line = new TestLine(sim)
    line.login(sim.direct.issueToken(friend.id).token)
    const control = {
      ...{ _type: 'CONTROL', event: 'new', chatType: 'CHAT', title: 'Team', userIds: [me.id] },
    }
    line.call(Opcode.MSG_SEND, { message: { cid: clock.now(), attaches: [control] }, notify: true })
    await comeBack()
    expect(world.dials).toBeGreaterThan(1)
    expect(bodies().find(({ type }) => type === 'ChatCreated')).toMatchObject({
      catchUp: true,
      event: { title: 'Team', userIds: [me.id], actorId: friend.id },
    })
  })

  it('[CU2] keeps what is pushed meanwhile in its place', async () => {
    const { write, edit, goOffline, comeBack, told, sim, me, world, pass, live, sql } = await meet()
    await goOffline()
    const first = write('missed 1')
    write('missed 2')
    sim.direct.fault({
      ...{ ...fault, kind: 'slow', userId: me.id, opcode: Opcode.CHAT_HISTORY, delayMs: 20_000 },
    })
    world.refuseDials = false
    while (live.status().state !== 'online') await pass(live, 1_000)
    await pass(live, 2_000)
    write('live 1')
    edit(first, 'missed 1, edited')
    await settle()
    // Held, but stored: a crash would not lose them.
    expect(sql.all('SELECT count(*) AS n FROM held_pushes')).toEqual([{ n: 2 }])
    expect(told()).toEqual([])
    await comeBack()
    write('live 2')
    await pass(live, 1_000)
    expect(told().map(([type, text]) => [type, text])).toEqual([
      ['Message', 'missed 1'],
      ['Message', 'missed 2'],
      ['Message', 'live 1'],
      ['MessageEdit', 'missed 1, edited'],
      ['Message', 'live 2'],
    ])
    expect(sql.all('SELECT count(*) AS n FROM held_pushes')).toEqual([{ n: 0 }])
  })

  it('[CU2] does not let another chat wait longer than its turn', async () => {
    const { sim, me, friend, write, goOffline, told, world, pass, live } = await meet()
    const other = sim.direct.createAccount({ firstName: 'Other' })
    sim.direct.befriend(me.id, other.id)
    await pass(live, HOUR)
    await goOffline()
    write('missed')
    world.refuseDials = false
    sim.direct.fault({
      ...{ ...fault, kind: 'slow', userId: me.id, opcode: Opcode.CHAT_HISTORY, delayMs: 20_000 },
    })
    while (live.status().state !== 'online') await pass(live, 1_000)
    await pass(live, 2_000)
    sim.direct.incoming({ to: me.id, from: other.id, text: 'at once' })
    await pass(live, 1_000)
    expect(told().map(([, text]) => text)).toEqual(['at once'])
    expect(friend.id).not.toBe(other.id)
  })

  it.each([
    ['a loss', 'drop'],
    ['a crash', 'crash'],
  ] as const)('[CU3] goes on after %s between two pages', async (_name, kind) => {
    const { write, goOffline, told, world, pass, live, sim, me, boot, comeBack } = await meet()
    await goOffline()
    for (let n = 0; n < 250; n += 1) write(String(n))
    world.refuseDials = false
    while (told().length === 0) await pass(live, 100)
    expect(told().length).toBeLessThan(250)
    write('live')
    await settle()
    if (kind === 'drop') sim.direct.close(me.id)
    await settle()
    await comeBack(kind === 'crash' ? boot() : live)
    expect(told().map(([, text]) => text)).toEqual([...numbers(250), 'live'])
  })

  it('[CU4] tells edits and deletions of messages that were known', async () => {
    const { write, edit, remove, goOffline, comeBack, told, bodies, summary, clock } = await meet()
    const ids = ['a', 'b', 'c', 'd'].map((text) => write(text))
    await clock.advance(HOUR)
    await goOffline()
    edit(ids[1] ?? '', 'b, once')
    await clock.advance(1_000)
    edit(ids[1] ?? '', 'b, twice')
    remove([ids[2] ?? ''])
    const unseen = write('e')
    edit(unseen, 'e, edited')
    await comeBack()
    expect(told().slice(4)).toEqual([
      ['MessageEdit', 'b, twice', true],
      ['Message', 'e, edited', true],
      ['MessageEdit', 'e, edited', true],
      ['MessageDelete', undefined, true],
    ])
    expect(bodies().find(({ type }) => type === 'MessageDelete')).toMatchObject({
      messageIds: [ids[2]],
    })
    expect(summary()).toMatchObject({ messages: 1, edits: 1, deletes: 1 })
    await goOffline()
    await comeBack()
    expect(told()).toHaveLength(8)
  })

  it('[CU4] remembers when the outage began if catching up breaks off', async () => {
    const { write, edit, goOffline, told, world, live, pass, sim, me, clock, comeBack } =
      await meet()
    const id = write('a')
    await clock.advance(HOUR)
    await goOffline()
    edit(id, 'a, edited')
    await clock.advance(HOUR)
    sim.direct.fault({ ...fault, kind: 'drop', userId: me.id, opcode: Opcode.CHAT_HISTORY })
    world.refuseDials = false
    while (world.dials < 3) await pass(live, 1_000)
    await comeBack()
    expect(told().at(-1)).toEqual(['MessageEdit', 'a, edited', true])
  })

  it('[CU5] the first login tells nothing of before', async () => {
    const rig = createLive({ settings: { resendUnacked: false } })
    const me = rig.sim.direct.createAccount({ firstName: 'Me' })
    const friend = rig.sim.direct.createAccount({ firstName: 'Friend' })
    rig.sim.direct.befriend(me.id, friend.id)
    rig.sim.direct.incoming({ to: me.id, from: friend.id, text: 'long ago' })
    await rig.clock.advance(HOUR)
    const live = rig.boot()
    live.configure(tenant)
    await live.adoptToken(rig.sim.direct.issueToken(me.id).token)
    await rig.pass(live, MINUTE)
    expect(rig.bodies().map(({ type }) => type)).toEqual(['Connected', 'Sync'])
  })

  it('[CU5] an account that logs in again after its login expired is caught up', async () => {
    const { live, me, write, sim, pass, told } = await meet()
    sim.direct.fault({ ...fault, kind: 'logout', userId: me.id })
    await pass(live, 2 * MINUTE)
    expect(live.status().state).toBe('stopped')
    write('while nobody was logged in')
    await pass(live, HOUR)
    await live.adoptToken(sim.direct.issueToken(me.id).token)
    await pass(live, MINUTE)
    expect(told()).toEqual([['Message', 'while nobody was logged in', true]])
  })

  it('[CU5] another account, or a logout, starts afresh', async () => {
    const { live, me, friend, write, sim, pass, told } = await meet()
    await live.logout()
    write('after the logout')
    await live.adoptToken(sim.direct.issueToken(me.id).token)
    await pass(live, MINUTE)
    const other = sim.direct.createAccount({ firstName: 'Other' })
    sim.direct.befriend(other.id, friend.id)
    sim.direct.incoming({ to: other.id, from: friend.id, text: 'to the other' })
    await live.logout()
    await live.adoptToken(sim.direct.issueToken(other.id).token)
    await pass(live, MINUTE)
    expect(told()).toEqual([])
  })

  it('[CU6] limits messages, chats and age, and names what it left out', async () => {
    const limits = { catchUp: { chats: 2, messages: 120, hours: 24 } }
    const { sim, me, friend, write, goOffline, comeBack, told, clock, summary, chatId } =
      await meet({ limits })
    const groups = ['X', 'Y', 'Z'].map((title) =>
      sim.direct.createGroup({ type: 'CHAT', ownerId: friend.id, title, userIds: [me.id] }),
    )
    await clock.advance(HOUR)
    await goOffline()
    write('too old')
    write('in the group that is left out', groups[0]?.chat.id)
    await clock.advance(25 * HOUR)
    for (let n = 0; n < 5; n += 1) write(`y${n}`, groups[1]?.chat.id)
    await clock.advance(1_000)
    for (let n = 0; n < 200; n += 1) write(String(n))
    await comeBack()
    const texts = told().map(([, text]) => text)
    expect(texts.filter((text) => !String(text).startsWith('y'))).toEqual(numbers(120))
    expect(texts.filter((text) => String(text).startsWith('y'))).toEqual([
      'y0',
      'y1',
      'y2',
      'y3',
      'y4',
    ])
    expect(summary()).toMatchObject({
      ...{ chats: 2, messages: 125, truncated: true },
      truncatedChats: expect.arrayContaining([chatId, groups[0]?.chat.id]),
    })
  })

  it('[CU6] is switched off by a limit of 0', async () => {
    const limits = { catchUp: { chats: 0, messages: 1, hours: 1 } }
    const { write, goOffline, comeBack, told, summary, live, pass } = await meet({ limits })
    await goOffline()
    write('missed')
    await comeBack()
    write('live')
    await pass(live, 1_000)
    expect(told()).toEqual([['Message', 'live', false]])
    expect(summary()).toBeUndefined()
  })

  it('[CU7] tries again what may pass, and leaves a chat out that MAX refuses', async () => {
    const { sim, me, write, goOffline, comeBack, told, summary, chatId } = await meet()
    const refuse = (code: string, count: number) =>
      sim.direct.fault({
        ...{ ...fault, kind: 'error', userId: me.id, opcode: Opcode.CHAT_HISTORY, code, count },
      })
    await goOffline()
    write('a')
    refuse('too.many.requests', 2)
    await comeBack()
    expect(told().map(([, text]) => text)).toEqual(['a'])
    await goOffline()
    write('b')
    refuse('chat.not.found', 1)
    await comeBack()
    expect(told().map(([, text]) => text)).toEqual(['a'])
    expect(summary()).toMatchObject({ truncated: true, truncatedChats: [chatId] })
  })

  it('[CU9] does not tell again what retention has deleted from the log', async () => {
    const limits = { retention: { maxAgeMs: HOUR, maxBytes: 1_000_000 } }
    const { live, write, goOffline, comeBack, told, clock, sql } = await meet({ limits })
    write('before')
    await settle()
    await goOffline()
    await clock.advance(2 * HOUR)
    live.tick()
    expect(sql.all("SELECT 1 FROM events WHERE type = 'Message'")).toEqual([])
    write('during')
    await comeBack()
    expect(told()).toEqual([
      ['Message', 'before', false],
      ['Message', 'during', true],
    ])
  })

  it('[EV6] does not tell what the gateway itself sent', async () => {
    const { live, chatId, write, goOffline, comeBack, told, pass } = await meet()
    const message = { text: 'from here', elements: [], attaches: [] }
    await live.send({ chatId, message, notify: true })
    await goOffline()
    write('from the friend')
    await comeBack()
    await pass(live, MINUTE)
    expect(told().filter(([type]) => type !== 'MessageStatus')).toEqual([
      ['Message', 'from the friend', true],
    ])
  })
})
