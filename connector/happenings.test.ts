import { describe, expect, it } from 'vitest'
import { type EventName, eventBody, eventExample, eventRow, events } from '../schema/events.ts'
import { Opcode } from '../schema/opcodes.ts'
import { asMap, asMaps, type WireMap, wireMessageId } from '../schema/wire.ts'
import { TestLine } from '../test/sandbox/line.ts'
import { meet } from '../test/support/away.ts'
import { content } from '../test/support/content.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, tenant } from '../test/support/live.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const fault = { code: '', delayMs: 0, count: 1 }
const PHONE = '+79990001122'

/** A tenant, a friend, and the tablet on which the tenant's own account is online as well. */
const scene = async () => {
  const stage = await meet()
  const { sim, me, friend, chatId } = stage
  const tablet = new TestLine(sim)
  tablet.login(sim.direct.issueToken(me.id).token)
  const phone = new TestLine(sim)
  phone.login(sim.direct.issueToken(friend.id).token)
  const group = sim.direct.createGroup({
    ...{ type: 'CHAT' as const, ownerId: friend.id, title: 'Team', userIds: [me.id] },
  }).chat.id
  const attach = (attaches: WireMap[]) =>
    sim.direct.incoming({ to: me.id, from: friend.id, text: 'x', chatId, attaches })
  return { ...stage, tablet, phone, group, attach }
}
type Scene = Awaited<ReturnType<typeof scene>>

const control = (fields: WireMap) => ({ attaches: [{ _type: 'CONTROL', ...fields }] })
const reaction = { reactionType: 'EMOJI', id: '👍' }

/** How people cause each event that MAX pushes. */
const acts: Partial<Record<EventName, (scene: Scene) => unknown>> = {
  Message: ({ write }) => write('Hi'),
  MessageEdit: ({ write, edit }) => edit(write('Hi'), 'Ho'),
  MessageDelete: ({ write, remove }) => remove([write('Hi')]),
  MessageDeleteRange: ({ phone, write, chatId, clock }) => {
    write('Hi')
    const endTime = clock.now() + 1_000
    phone.call(Opcode.MSG_DELETE_RANGE, { chatId, startTime: 1, endTime })
  },
  ReadReceipt: ({ live, phone, chatId, clock }) =>
    live
      .send({ chatId, message: { text: 'x', elements: [], attaches: [] }, notify: true })
      .then(({ messageId }) =>
        phone.call(Opcode.CHAT_MARK, {
          ...{ type: 'READ_MESSAGE', chatId, messageId: wireMessageId(messageId) },
          mark: clock.now(),
        }),
      ),
  Typing: ({ live, phone, chatId }) =>
    live
      .call(Opcode.CHAT_SUBSCRIBE, { chatId, subscribe: true })
      .then(() => phone.call(Opcode.MSG_TYPING, { chatId, type: 'TEXT' })),
  ReactionChange: ({ phone, write, chatId }) =>
    phone.call(Opcode.MSG_REACTION, {
      ...{ chatId, messageId: wireMessageId(write('Hi')), reaction },
    }),
  OwnReaction: ({ tablet, write, chatId }) =>
    tablet.call(Opcode.MSG_REACTION, {
      ...{ chatId, messageId: wireMessageId(write('Hi')), reaction },
    }),
  DraftUpdate: ({ tablet, chatId }) =>
    tablet.call(Opcode.DRAFT_SAVE, { chatId, draft: { text: 'Dear' } }),
  DraftDiscard: ({ tablet, chatId }) => {
    const { time } = tablet.call(Opcode.DRAFT_SAVE, { chatId, draft: { text: 'Dear' } })
    tablet.call(Opcode.DRAFT_DISCARD, { chatId, time })
  },
  Transcription: ({ tablet, attach, chatId }) => {
    const { messageId } = attach([{ _type: 'AUDIO', audioId: 71, wave: 'AA==', duration: 900 }])
    const message = { chatId, messageId: wireMessageId(messageId), mediaId: 71 }
    tablet.call(Opcode.TRANSCRIBE_MEDIA, message)
  },
  CallbackAnswer: ({ tablet, attach, clock }) => {
    const buttons = [[{ type: 'CALLBACK', text: 'Yes', payload: 'yes' }]]
    attach([{ _type: 'INLINE_KEYBOARD', callbackId: 'k1', keyboard: { buttons } }])
    const press = { callbackId: 'k1', type: 'CALLBACK', payload: 'yes', timestamp: clock.now() }
    tablet.call(Opcode.MSG_SEND_CALLBACK, press)
  },
  ChatUpdate: ({ phone, group }) => phone.call(Opcode.CHAT_UPDATE, { chatId: group, theme: 'New' }),
  TitleChange: ({ phone, group }) =>
    phone.call(Opcode.CHAT_UPDATE, { chatId: group, theme: 'New' }),
  ChatCreated: ({ phone, me, clock }) =>
    phone.call(Opcode.MSG_SEND, {
      message: {
        cid: clock.now(),
        ...control({ event: 'new', chatType: 'CHAT', title: 'T', userIds: [me.id] }),
      },
      notify: true,
    }),
  MemberJoined: ({ sim, phone, group, friend }) => {
    const { id } = sim.direct.createAccount({ firstName: 'New' })
    sim.direct.befriend(friend.id, id)
    const change = { chatId: group, userIds: [id], operation: 'add', showHistory: true }
    phone.call(Opcode.CHAT_MEMBERS_UPDATE, change)
  },
  MemberLeft: ({ phone, group }) => phone.call(Opcode.CHAT_LEAVE, { chatId: group }),
  MessagePin: ({ phone, write, group }) =>
    phone.call(Opcode.CHAT_UPDATE, {
      ...{ chatId: group, pinMessageId: wireMessageId(write('Hi', group)), notifyPin: true },
    }),
  IconChange: ({ attach }) => attach(control({ event: 'icon', photoId: 5 }).attaches),
  BotStarted: ({ attach }) => attach(control({ event: 'botStarted', startPayload: 'x' }).attaches),
  FoldersUpdate: ({ tablet }) =>
    tablet.call(Opcode.FOLDERS_UPDATE, { id: 'f1', title: 'Work', filters: [], options: [] }),
  ContactUpdate: ({ tablet, friend }) =>
    tablet.call(Opcode.CONTACT_UPDATE, {
      ...{ contactId: friend.id, action: 'UPDATE', firstName: 'Bobby' },
    }),
  ProfileUpdate: ({ tablet }) => tablet.call(Opcode.PROFILE, { firstName: 'Ivan' }),
  ConfigUpdate: ({ tablet }) =>
    tablet.call(Opcode.CONFIG, { settings: { user: { HIDDEN: true } } }),
  FileReady: async ({ sim, tablet, clock }) => {
    const slot = asMaps(tablet.call(Opcode.FILE_UPLOAD, { count: 1 }).info)[0] ?? {}
    const body = content('png', 500)
    const headers = {
      'content-range': '0-499/500',
      'content-disposition': 'attachment; filename=a',
    }
    await sim.media.serve(new Request(String(slot.url), { method: 'POST', body, headers }))
    await clock.advance(1_000)
  },
}

/** What no person can cause in the sandbox is pushed as the example of the event has it. */
const pushedByHand: EventName[] = [
  'PresenceUpdate',
  'ScheduledUpdate',
  'ContactSort',
  'CallIncoming',
  'CallHistory',
  'LocationUpdate',
  'LocationRequest',
  'AssetsUpdate',
  'StoriesUpdate',
  'BannersUpdate',
  'Raw',
]

describe('what MAX pushes', () => {
  it('has a test for every event', () => {
    const names = Object.keys(events) as EventName[]
    const pushed = names.filter((name) => {
      const { opcode, control } = eventRow(name)
      return opcode !== undefined || control !== undefined || name === 'Raw'
    })
    expect([...Object.keys(acts), ...pushedByHand].sort()).toEqual(pushed.sort())
  })

  it.each(Object.entries(acts))('[EV1] [defect 20] %s is told', async (name, act) => {
    const stage = await scene()
    await settle()
    await act(stage)
    await stage.clock.advance(1_000)
    const told = stage.logged().filter(({ type }) => type === name)
    expect(told.length).toBeGreaterThan(0)
    expect(eventBody(name as EventName).parse(told[0])).toEqual(told[0])
  })

  it.each(pushedByHand)('[EV1] %s is told', async (name) => {
    const { sim, me, clock, logged } = await scene()
    const { opcode, event } = eventExample(name) as { opcode: number; event: WireMap }
    sim.direct.push(me.id, opcode, event)
    await clock.advance(100)
    expect(logged().at(-1)).toMatchObject({ type: name, opcode, event })
  })

  it('brings every attachment of a message, and no token', async () => {
    const { attach, clock, logged } = await scene()
    attach([
      { _type: 'PHOTO', photoId: 9, photoToken: 's3cret', baseUrl: 'https://i.oneme.ru/9' },
      { _type: 'PHOTO', photoId: 10, photoToken: 's3cret', baseUrl: 'https://i.oneme.ru/10' },
      { _type: 'VIDEO', videoId: 11, token: 's3cret' },
    ])
    await clock.advance(100)
    expect(logged().at(-1)).toMatchObject({
      ...{ type: 'Message', mediaType: 'image', mediaUrl: 'https://i.oneme.ru/9' },
      attachments: [
        { index: 0, kind: 'image', id: 9 },
        { index: 1, kind: 'image', id: 10 },
        { index: 2, kind: 'video', id: 11 },
      ],
    })
    expect(JSON.stringify(logged())).not.toContain('s3cret')
  })
})

describe('what happens to the session', () => {
  /** Types of the log, in its order. */
  const types = (log: { type: string }[]) => log.map(({ type }) => type)

  const fresh = (options?: Parameters<typeof createLive>[0]) => {
    const rig = createLive(options)
    const me = rig.sim.direct.createAccount({ phone: PHONE, firstName: 'Me' })
    const live = rig.boot()
    live.configure(tenant)
    return { ...rig, me, live }
  }

  it('[pain 21] AuthCodeSent hides the number, also before there ever was a session', async () => {
    const { live, bodies } = fresh()
    await live.requestCode(PHONE, 'ru')
    await settle()
    expect(bodies()).toMatchObject([{ type: 'AuthCodeSent', phone: '+79…22' }])
    expect(JSON.stringify(bodies())).not.toContain('9990001')
  })

  it('[pain 21] a QR login tells each step, with a picture and without the token', async () => {
    const { live, sim, me, clock, bodies } = fresh()
    const { link } = await live.qr()
    await clock.advance(126_000)
    const next = (await live.qr()).link
    sim.direct.approveQr(me.id, next)
    await clock.advance(6_000)
    const log = bodies()
    expect(types(log)).toEqual([
      ...['QRGenerated', 'QRExpired', 'QRGenerated', 'QRScanned', 'QRAuthorized'],
      ...['Connected', 'Sync'],
    ])
    expect(log[0]).toMatchObject({
      qrLink: link,
      qrCodeBase64: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
      trackId: expect.any(String),
      expiresAt: expect.any(Number),
    })
    expect(log[1]).toMatchObject({ trackId: log[0]?.trackId, reason: expect.any(String) })
    expect(log[4]).toMatchObject({ trackId: log[2]?.trackId })
  })

  it.each([
    'sms',
    'qr',
    'token',
    'rotation',
  ])('[EV2] no event of a login by %s holds its token', async (way) => {
    const rig = fresh({ settings: { rotateToken: way === 'rotation' ? 'new' : 'same' } })
    const { live, sim, me, clock, pass } = rig
    if (way === 'sms') {
      await live.requestCode(PHONE, 'ru')
      await live.confirmCode('123456')
    } else if (way === 'qr') {
      const { link } = await live.qr()
      sim.direct.approveQr(me.id, link)
      await clock.advance(6_000)
    } else await live.adoptToken(sim.direct.issueToken(me.id).token)
    sim.direct.close(me.id)
    await pass(live, MINUTE)
    const tokens = [...sim.world.sessions.of(me.id)].flatMap((session) => session.tokens)
    expect(tokens.length).toBeGreaterThan(way === 'rotation' ? 2 : 0)
    const text = JSON.stringify(rig.bodies())
    expect(text).toContain('"type":"Sync"')
    for (const token of tokens) expect(text).not.toContain(token)
  })

  it('[defect 20] Connected and Sync come with every login, HistorySync after an outage', async () => {
    const { live, logged, me, friend, goOffline, comeBack, pass } = await meet()
    await goOffline()
    await pass(live, 5_000)
    await comeBack()
    const log = logged()
    expect(types(log)).toEqual([
      ...['Connected', 'Sync', 'Disconnected', 'Reconnecting', 'Connected', 'Sync', 'HistorySync'],
    ])
    expect(log[0]).toMatchObject({ maxUserID: me.id, reconnect: false })
    expect(log[1]).toMatchObject({
      ...{ reconnect: false, maxUserID: me.id },
      profile: { contact: { id: me.id } },
      contacts: [{ id: friend.id }],
    })
    expect(log[4]).toMatchObject({ reconnect: true })
    expect(log[5]).toMatchObject({ reconnect: true, maxUserID: me.id })
  })

  it('[defect 18] Disconnected and LoggedOut arrive although the session is gone', async () => {
    const { live, bodies, clock } = await meet()
    await live.disconnect()
    await clock.advance(100)
    expect(bodies().at(-1)).toMatchObject({ type: 'Disconnected', reason: 'requested' })
    await live.logout()
    await clock.advance(100)
    expect(bodies().at(-1)).toMatchObject({ type: 'LoggedOut', reason: 'requested' })
  })

  it('[defect 18] AuthExpired says why, and the tenant stays', async () => {
    const { live, sim, me, pass, bodies } = await meet()
    sim.direct.fault({ ...fault, kind: 'logout', userId: me.id })
    await pass(live, 2 * MINUTE)
    expect(bodies().at(-1)).toMatchObject({ type: 'AuthExpired', reason: expect.any(String) })
    expect(live.status()).toMatchObject({ state: 'stopped', authenticated: false })
  })

  it('LoggedOut tells that MAX ended the session', async () => {
    const { sim, me, clock, bodies } = await meet()
    sim.direct.push(me.id, Opcode.LOGOUT, {})
    await clock.advance(100)
    expect(bodies().at(-1)).toMatchObject({ type: 'LoggedOut', reason: expect.any(String) })
  })

  it('Disconnected tells that MAX sent the session elsewhere', async () => {
    const { sim, me, live, pass, bodies } = await meet()
    sim.direct.push(me.id, Opcode.RECONNECT, { redirectHost: '', tls: true })
    await pass(live, MINUTE)
    expect(bodies().find(({ type }) => type === 'Disconnected')).toMatchObject({
      reason: 'MAX asked to reconnect',
    })
    expect(live.status().state).toBe('online')
  })

  it('WebhookDisabled says which and why, and not where', async () => {
    const { world, write, clock, logged } = await meet()
    world.deliver = () => ({ kind: 'gone', error: 'the receiver answered 410 Gone' })
    write('x')
    await clock.advance(100)
    const told = logged().find(({ type }) => type === 'WebhookDisabled')
    expect(told).toMatchObject({ reason: 'the receiver answered 410 Gone' })
    expect(JSON.stringify(told)).not.toContain('example.com')
  })

  it('[EV7] [pain 2] [pain 4] a long outage is told of once, over restarts, and ends visibly', async () => {
    const { live, boot, goOffline, comeBack, logged, pass, clock } = await meet()
    const since = new Date(clock.now()).toISOString()
    await goOffline()
    const outage = () => logged().filter(({ type }) => /Degraded|Exhausted/.test(type))
    await pass(live, 4.9 * MINUTE)
    expect(outage()).toEqual([])
    await pass(live, MINUTE)
    expect(outage()).toMatchObject([
      { type: 'SessionDegraded', offlineSince: since, reason: expect.any(String) },
    ])
    let restarted = boot()
    await pass(restarted, 23 * HOUR)
    restarted = boot()
    await pass(restarted, 2 * HOUR)
    expect(outage()).toMatchObject([
      { type: 'SessionDegraded' },
      { type: 'ReconnectExhausted', offlineSince: since, gaveUp: false },
    ])
    await comeBack(restarted)
    expect(logged().at(-1)?.type).toBe('HistorySync')
    await goOffline()
    await pass(restarted, 6 * MINUTE)
    expect(outage()).toHaveLength(3)
  })

  it('[EV7] an outage that was asked for is none', async () => {
    const { live, pass, logged } = await meet()
    await live.disconnect()
    await pass(live, 26 * HOUR)
    expect(types(logged()).slice(-1)).toEqual(['Disconnected'])
  })

  it('[EV7] a limit of tries stops the session, which a person can start again', async () => {
    const { live, goOffline, logged, pass, world } = await meet({ limits: { connectRetries: 3 } })
    await goOffline()
    await pass(live, 30 * MINUTE)
    expect(live.status()).toMatchObject({
      ...{ state: 'stopped', authenticated: true },
      action: expect.stringContaining('/session/connect'),
    })
    expect(logged().at(-1)).toMatchObject({
      ...{ type: 'ReconnectExhausted', attempt: 3, gaveUp: true, offlineSince: expect.any(String) },
    })
    expect(await codeOf(live.requireOnline())).toBe('NOT_CONNECTED')
    const { dials } = world
    await pass(live, HOUR)
    expect(world.dials).toBe(dials)
    world.refuseDials = false
    await live.connect(0)
    await pass(live, 2 * MINUTE)
    expect(live.status().state).toBe('online')
  })
})

describe('Sync', () => {
  it('leaves out what would make it too large, and names it', async () => {
    const rig = createLive()
    const me = rig.sim.direct.createAccount({ firstName: 'Me' })
    for (let n = 0; n < 400; n += 1) {
      const lastName = `${n} ${'x'.repeat(300)}`
      const friend = rig.sim.direct.createAccount({ firstName: 'Friend', lastName })
      rig.sim.direct.befriend(me.id, friend.id)
    }
    const live = rig.boot()
    live.configure(tenant)
    await live.adoptToken(rig.sim.direct.issueToken(me.id).token)
    await rig.clock.advance(100)
    const sync = rig.bodies().find(({ type }) => type === 'Sync')
    expect(sync).toMatchObject({ omitted: expect.arrayContaining(['contacts']) })
    expect(asMap(sync?.profile as WireMap).contact).toMatchObject({ id: me.id })
    expect(JSON.stringify(sync).length).toBeLessThan(130 * 1024)
  })
})
