import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { permissionMask } from '../schema/permissions.ts'
import { asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { createSimulator, TestLine } from '../test/sandbox/line.ts'

/** A group of Anna's with Bob in it, and Carol outside; everybody is online once. */
const createTeam = (type: 'CHAT' | 'CHANNEL' = 'CHAT') => {
  const { sim, clock } = createSimulator()
  const [anna, bob, carol] = ['Anna', 'Bob', 'Carol'].map((firstName) => {
    const account = sim.direct.createAccount({ firstName })
    const { token } = sim.direct.issueToken(account.id)
    const line = new TestLine(sim)
    line.login(token)
    const second = new TestLine(sim)
    second.login(token)
    return { id: account.id, line, second }
  }) as [Person, Person, Person]
  const userIds = [bob.id]
  const state = sim.direct.createGroup({ type, ownerId: anna.id, title: 'Team', userIds })
  const chatId = state.chat.id
  const chatFor = (person: Person): WireMap | undefined =>
    asMaps(person.line.call(Opcode.CHAT_INFO, { chatIds: [chatId] }).chats)[0]
  const update = (person: Person, change: WireMap) =>
    person.line.refusal(Opcode.CHAT_UPDATE, { chatId, ...change })
  const members = (person: Person, change: WireMap) =>
    person.line.refusal(Opcode.CHAT_MEMBERS_UPDATE, { chatId, ...change })
  return { sim, clock, anna, bob, carol, chatId, state, chatFor, update, members }
}
interface Person {
  id: number
  line: TestLine
  second: TestLine
}

const add = (...userIds: number[]): WireMap => ({ userIds, operation: 'add', showHistory: false })
const remove = (...userIds: number[]): WireMap => ({ userIds, operation: 'remove' })
const asAdmin = (...userIds: number[]) => ({ userIds, operation: 'add', type: 'ADMIN' })
const controls = (pushes: WireMap[]): unknown[] =>
  pushes.map(({ message }) => asMaps(asMap(message).attaches)[0])

describe('joining and leaving', () => {
  it('tells everybody with a service message, then with the chat itself', () => {
    const { anna, bob, carol, chatId, chatFor } = createTeam()
    const answer = anna.line.call(Opcode.CHAT_MEMBERS_UPDATE, { chatId, ...add(carol.id) })
    expect(answer).toMatchObject({ chat: { participantsCount: 3 } })
    const control = { _type: 'CONTROL', event: 'add', userIds: [carol.id], showHistory: false }
    for (const line of [bob.line, carol.line, anna.second]) {
      expect(controls(line.take(Opcode.NOTIF_MESSAGE))).toEqual([control])
      expect(line.take(Opcode.NOTIF_CHAT)).toMatchObject([{ chat: { id: chatId } }])
    }
    expect(anna.line.take(Opcode.NOTIF_MESSAGE)).toEqual([])
    expect(chatFor(carol)).toMatchObject({ invitedBy: anna.id, participantsCount: 3 })
  })

  it('keeps what was written before from who is added without history', () => {
    const { sim, clock, anna, bob, carol, chatId, members } = createTeam()
    sim.direct.incoming({ to: anna.id, from: bob.id, chatId, text: 'before' })
    clock.advance(1000)
    members(anna, add(carol.id))
    sim.direct.incoming({ to: anna.id, from: bob.id, chatId, text: 'after' })
    const history = { chatId, from: 2 ** 42, backward: 10, forward: 0 }
    const read = () => asMaps(carol.line.call(Opcode.CHAT_HISTORY, history).messages)
    expect(read().map(({ text }) => text)).toEqual(['', 'after'])
    members(anna, remove(carol.id))
    expect(carol.line.refusal(Opcode.CHAT_HISTORY, history)).toBe('chat.not.found')
    members(anna, { ...add(carol.id), showHistory: true })
    expect(read().map(({ text }) => text)).toContain('before')
  })

  it('tells the removed that it is over, and takes their messages along when asked', () => {
    const { sim, anna, bob, chatId, chatFor, state } = createTeam()
    sim.direct.incoming({ to: anna.id, from: bob.id, chatId, text: 'spam' })
    bob.line.take(Opcode.NOTIF_CHAT)
    const answer = anna.line.call(Opcode.CHAT_MEMBERS_UPDATE, {
      chatId,
      ...remove(bob.id),
      cleanMsgPeriod: -1,
    })
    expect(answer.deletedMessageIds).toHaveLength(1)
    expect(controls(bob.line.take(Opcode.NOTIF_MESSAGE)).at(-1)).toEqual({
      _type: 'CONTROL',
      event: 'remove',
      userId: bob.id,
    })
    expect(bob.line.take(Opcode.NOTIF_CHAT).at(-1)).toMatchObject({
      chat: { id: chatId, status: 'REMOVED', participants: {} },
    })
    expect(chatFor(bob)).toBeUndefined()
    expect(state.messages.map(({ text }) => text)).toEqual([''])
  })

  it('joins by the private token and by the public name, and previews both', () => {
    const { anna, bob, carol, state, chatFor, update } = createTeam()
    const link = `join/${state.chat.linkToken}`
    expect(carol.line.call(Opcode.LINK_INFO, { link })).toMatchObject({
      chat: { title: 'Team', participants: {}, participantsCount: 2 },
    })
    expect(carol.line.call(Opcode.CHAT_JOIN, { link })).toMatchObject({ chat: { title: 'Team' } })
    expect(controls(bob.line.take(Opcode.NOTIF_MESSAGE))).toEqual([
      { _type: 'CONTROL', event: 'joinByLink', userId: carol.id },
    ])
    expect(carol.line.call(Opcode.CHAT_LEAVE, { chatId: state.chat.id })).toMatchObject({
      message: { attaches: [{ event: 'leave', userId: carol.id }] },
    })
    expect(carol.second.take(Opcode.NOTIF_CHAT).at(-1)).toMatchObject({ chat: { status: 'LEFT' } })

    expect(update(anna, { link: 'our_team' })).toBe('none')
    expect(chatFor(bob)).toMatchObject({ access: 'PUBLIC', link: 'https://max.ru/our_team' })
    const name = { link: 'https://max.ru/our_team' }
    expect(carol.line.call(Opcode.CHAT_JOIN, name)).toMatchObject({ chat: { access: 'PUBLIC' } })
    // Neither form is taken with the host of the other.
    for (const wrong of [`https://max.ru/${link}`, 'our_team', 'join/unknown']) {
      expect(carol.line.refusal(Opcode.CHAT_JOIN, { link: wrong })).toBe('not.found')
    }
  })

  it('lets the blocked not come back, until they are unblocked', () => {
    const { anna, bob, state, members } = createTeam()
    const link = `join/${state.chat.linkToken}`
    expect(members(anna, { ...add(bob.id), type: 'BLOCKED_MEMBER' })).toBe('none')
    expect(bob.line.refusal(Opcode.CHAT_JOIN, { link })).toBe('error.message.chat.access')
    expect(members(anna, { ...remove(bob.id), type: 'BLOCKED_MEMBER' })).toBe('none')
    expect(bob.line.refusal(Opcode.CHAT_JOIN, { link })).toBe('none')
  })

  it('makes who joins wait where that is the rule', () => {
    const { anna, carol, state, chatFor, members } = createTeam()
    state.chat.options.JOIN_REQUEST = true
    const link = `join/${state.chat.linkToken}`
    const waiting = asMap(carol.line.call(Opcode.CHAT_JOIN, { link }).chat)
    expect(waiting.joinRequestTime).toBeGreaterThan(0)
    expect(chatFor(carol)).toBeUndefined()
    expect(chatFor(anna)).toMatchObject({ pendingJoinRequestsCount: 1 })
    expect(members(anna, { ...add(carol.id), type: 'JOIN_REQUEST' })).toBe('none')
    expect(chatFor(carol)).toMatchObject({ participantsCount: 3 })
  })
})

describe('rights', () => {
  const denied = 'error.message.chat.access'

  it('lets every member of a group add, until that is for administrators', () => {
    const { anna, bob, carol, update, members } = createTeam()
    expect(members(bob, add(carol.id))).toBe('none')
    expect(members(bob, remove(carol.id))).toBe(denied)
    members(anna, remove(carol.id))
    expect(update(anna, { options: { ONLY_ADMIN_CAN_ADD_MEMBER: true } })).toBe('none')
    expect(members(bob, add(carol.id))).toBe(denied)
    expect(update(bob, { options: { ONLY_ADMIN_CAN_ADD_MEMBER: false } })).toBe(denied)
  })

  it('checks each bit of an administrator by itself', () => {
    const { anna, bob, carol, update, members } = createTeam()
    const grant = (...names: Parameters<typeof permissionMask>[0]) =>
      members(anna, { ...asAdmin(bob.id), permissions: permissionMask(names) })
    members(anna, add(carol.id))
    expect(update(bob, { revokePrivateLink: true })).toBe(denied)
    grant('changeLink')
    expect(update(bob, { revokePrivateLink: true })).toBe('none')
    expect(members(bob, remove(carol.id))).toBe(denied)
    grant('manageMembers')
    expect(update(bob, { revokePrivateLink: true })).toBe(denied)
    expect(members(bob, { ...asAdmin(carol.id), permissions: 0 })).toBe(denied)
    grant('appointAdmins')
    // Nobody gives away what they do not have.
    expect(members(bob, { ...asAdmin(carol.id), permissions: 8 })).toBe(denied)
    expect(members(bob, { ...asAdmin(carol.id), permissions: 4 })).toBe('none')
    expect(members(anna, { ...remove(bob.id), type: 'ADMIN' })).toBe('none')
    expect(members(bob, { ...asAdmin(carol.id), permissions: 4 })).toBe(denied)
  })

  it('puts nobody above the owner, until the owner says so', () => {
    const { anna, bob, chatFor, update, members } = createTeam()
    members(anna, { ...asAdmin(bob.id), permissions: 2047 })
    expect(members(bob, remove(anna.id))).toBe(denied)
    expect(members(bob, { ...asAdmin(anna.id), permissions: 0 })).toBe(denied)
    expect(update(bob, { changeOwnerId: bob.id })).toBe(denied)
    expect(update(anna, { changeOwnerId: bob.id })).toBe('none')
    expect(chatFor(anna)).toMatchObject({ owner: bob.id, admins: [bob.id] })
    expect(members(bob, remove(anna.id))).toBe('none')
  })

  it('shows the private link to administrators, and to members where the chat says so', () => {
    const { anna, bob, state, chatFor, update } = createTeam()
    const link = `https://max.ru/join/${state.chat.linkToken}`
    expect([chatFor(anna)?.link, chatFor(bob)?.link]).toEqual([link, undefined])
    update(anna, { options: { MEMBERS_CAN_SEE_PRIVATE_LINK: true } })
    expect(chatFor(bob)?.link).toBe(link)
    update(anna, { revokePrivateLink: true })
    expect(chatFor(bob)?.link).not.toBe(link)
    update(anna, { removeLink: true })
    expect(chatFor(anna)?.link).toBeUndefined()
  })

  it('keeps a channel to its administrators', () => {
    const { anna, bob, chatId, chatFor, update, members } = createTeam('CHANNEL')
    const post = (person: Person) =>
      person.line.refusal(Opcode.MSG_SEND, { chatId, message: { cid: 1, text: 'News' } })
    expect([post(bob), update(bob, { theme: 'Mine' })]).toEqual([denied, denied])
    expect(bob.line.refusal(Opcode.CHAT_MEMBERS, { chatId })).toBe(denied)
    expect(chatFor(bob)).toMatchObject({ owner: 0, admins: [] })
    members(anna, { ...asAdmin(bob.id), permissions: 256 })
    expect(post(bob)).toBe('none')
  })
})

describe('CHAT_UPDATE', () => {
  it('makes one kind of change at a time, and acks none', () => {
    const { anna, update } = createTeam()
    expect(update(anna, {})).toBe('none')
    expect(update(anna, { theme: 'New', access: 'PRIVATE' })).toBe('proto.payload')
    expect(update(anna, { theme: '' })).toBe('proto.payload')
    expect(update(anna, { options: { OFFICIAL: true } })).toBe('proto.payload')
    expect(anna.line.refusal(Opcode.CHAT_UPDATE, { chatId: 0, theme: 'x' })).toBe('chat.not.found')
  })

  it('announces a new title once, and takes a description away with an empty one', () => {
    const { anna, bob, chatFor, update } = createTeam()
    update(anna, { theme: 'New', description: 'About' })
    update(anna, { theme: 'New' })
    expect(controls(bob.line.take(Opcode.NOTIF_MESSAGE))).toEqual([
      { _type: 'CONTROL', event: 'title', title: 'New' },
    ])
    expect(chatFor(bob)).toMatchObject({ title: 'New', description: 'About' })
    update(anna, { description: '' })
    expect(chatFor(bob)?.description).toBeUndefined()
  })

  it('gives a public name to one chat only', () => {
    const { sim, anna, chatFor, update } = createTeam()
    const other = sim.direct.createGroup({
      type: 'CHANNEL',
      ownerId: anna.id,
      title: 'Other',
      userIds: [],
    })
    const check = (link: string) =>
      anna.line.refusal(Opcode.CHAT_CHECK_LINK, { link, linkType: 'CHAT' })
    expect(update(anna, { access: 'PUBLIC' })).toBe('link.required')
    expect([check('news_room'), check('no'), check('with space')]).toEqual([
      'none',
      'link.not.available',
      'link.not.available',
    ])
    update(anna, { link: 'news_room' })
    expect(check('NEWS_ROOM')).toBe('link.not.available')
    const change = { chatId: other.chat.id, link: 'news_room' }
    expect(anna.line.refusal(Opcode.CHAT_UPDATE, change)).toBe('link.not.available')
    update(anna, { access: 'PRIVATE' })
    expect(chatFor(anna)?.link).toMatch(/^https:\/\/max\.ru\/join\//)
    expect(anna.line.refusal(Opcode.CHAT_UPDATE, change)).toBe('none')
  })
})

describe('CHAT_MEMBERS', () => {
  it('gives 120 members in three pages of 50, in a stable order, and finds one by name', () => {
    const { sim, anna, chatId, members } = createTeam()
    const people = Array.from({ length: 118 }, (_, n) =>
      sim.direct.createAccount({ firstName: 'Guest', lastName: `No${n}` }),
    )
    members(anna, add(...people.map(({ id }) => id)))
    const pages: number[][] = []
    let marker: unknown = 0
    while (marker !== undefined) {
      const page = anna.line.call(Opcode.CHAT_MEMBERS, {
        chatId,
        marker: Number(marker),
        count: 50,
      })
      pages.push(asMaps(page.members).map(({ contact }) => Number(asMap(contact).id)))
      marker = page.marker
    }
    expect(pages.map((page) => page.length)).toEqual([50, 50, 20])
    expect(new Set(pages.flat()).size).toBe(120)
    expect(pages.flat()).toEqual([...pages.flat()].sort((a, b) => a - b))
    const found = anna.line.call(Opcode.CHAT_MEMBERS, { chatId, query: 'guest no117' })
    expect(asMaps(found.members)).toHaveLength(1)
    expect(anna.line.refusal(Opcode.CHAT_MEMBERS, { chatId, count: 501 })).toBe('proto.payload')
  })
})

describe('the own view of a chat', () => {
  const listed = ({ line }: Person): unknown[] =>
    asMaps(line.call(Opcode.CHATS_LIST, { marker: 2 ** 42 }).chats).map(({ id }) => id)

  it('hides a chat from the list until somebody writes', () => {
    const { sim, anna, bob, chatId, chatFor } = createTeam()
    bob.line.call(Opcode.CHAT_HIDE, { chatId })
    expect(bob.second.take(Opcode.NOTIF_CHAT)).toMatchObject([{ chat: { status: 'HIDDEN' } }])
    expect(listed(bob)).not.toContain(chatId)
    expect(listed(anna)).toContain(chatId)
    sim.direct.incoming({ to: bob.id, from: anna.id, chatId, text: 'Hey' })
    expect(listed(bob)).toContain(chatId)
    expect(chatFor(bob)).toMatchObject({ status: 'ACTIVE' })
  })

  it('deletes a dialog from one view, or from both', () => {
    const { sim, clock, anna, bob } = createTeam()
    const chatId = sim.direct.befriend(anna.id, bob.id).chat.id
    sim.direct.incoming({ to: bob.id, from: anna.id, text: 'old' })
    const payload = { chatId, lastEventTime: clock.now(), forAll: false }
    expect(bob.line.refusal(Opcode.CHAT_DELETE, { chatId })).toBe('proto.payload')
    expect(bob.line.call(Opcode.CHAT_DELETE, payload)).toEqual({})
    expect(bob.second.take(Opcode.NOTIF_CHAT)).toMatchObject([{ chat: { status: 'REMOVED' } }])
    expect([listed(bob).includes(chatId), listed(anna).includes(chatId)]).toEqual([false, true])
    clock.advance(1000)
    sim.direct.incoming({ to: bob.id, from: anna.id, text: 'new' })
    const history = bob.line.call(Opcode.CHAT_HISTORY, { chatId, from: 2 ** 42, backward: 9 })
    expect(asMaps(history.messages).map(({ text }) => text)).toEqual(['new'])
    bob.line.call(Opcode.CHAT_DELETE, { ...payload, lastEventTime: clock.now(), forAll: true })
    expect(listed(anna)).not.toContain(chatId)
  })

  it('leaves a group that is deleted for all: it stays for the others', () => {
    const { anna, bob, chatId, chatFor, clock } = createTeam()
    const payload = { chatId, lastEventTime: clock.now(), forAll: true }
    bob.line.call(Opcode.CHAT_DELETE, payload)
    expect(chatFor(bob)).toBeUndefined()
    expect(chatFor(anna)).toMatchObject({ participantsCount: 1 })
  })

  it('clears for one, and for all only with the right to delete', () => {
    const { sim, anna, bob, chatId, chatFor, clock } = createTeam()
    const write = () => sim.direct.incoming({ to: anna.id, from: bob.id, chatId, text: 'x' })
    const clear = (person: Person, forAll: boolean) =>
      person.line.refusal(Opcode.CHAT_CLEAR, { chatId, lastEventTime: clock.now(), forAll })
    write()
    expect(clear(bob, true)).toBe('error.message.chat.access')
    expect(clear(bob, false)).toBe('none')
    expect([chatFor(bob)?.lastMessage, chatFor(anna)?.newMessages]).toEqual([undefined, 1])
    expect(clear(anna, true)).toBe('none')
    expect(chatFor(anna)).toMatchObject({ newMessages: 0, messagesCount: 0 })
    expect(bob.line.take(Opcode.NOTIF_MSG_DELETE_RANGE)).toMatchObject([
      { chat: { id: chatId }, startTime: 0, endTime: clock.now() },
    ])
  })
})
