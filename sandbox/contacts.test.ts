import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { createPair, TestLine } from '../test/sandbox/line.ts'
import { Simulator } from './simulator.ts'
import { MemoryStorage } from './storage.ts'

const idOf = (contact: WireMap): number => Number(contact.id)
const update = (contactId: number, action: string, more: WireMap = {}): WireMap => ({
  contactId,
  action,
  ...more,
})

describe('contacts', () => {
  it('answers a change to who made it and pushes it to their other sessions alone', () => {
    const { sim, anna, bob, annaToken, annaLine, bobLine } = createPair()
    const phone = new TestLine(sim)
    phone.login(annaToken)
    const named = annaLine.call(
      Opcode.CONTACT_UPDATE,
      update(bob.id, 'UPDATE', { firstName: 'Боб' }),
    )
    const names = [{ type: 'ONEME' }, { type: 'CUSTOM', name: 'Боб' }]
    expect(named.contact).toMatchObject({ names })
    expect(annaLine.call(Opcode.CONTACT_UPDATE, update(bob.id, 'BLOCK'))).toEqual({})
    expect(annaLine.request(Opcode.CONTACT_UPDATE, update(bob.id, 'REMOVE'))?.payload).toBeNull()
    const pushed = phone.take(Opcode.NOTIF_CONTACT).map(({ contact }) => asMap(contact).status)
    expect(pushed).toEqual([undefined, 'BLOCKED', 'BLOCKED'])
    expect([...annaLine.take(Opcode.NOTIF_CONTACT), ...bobLine.take(Opcode.NOTIF_CONTACT)]).toEqual(
      [],
    )
    expect(annaLine.refusal(Opcode.CONTACT_UPDATE, update(anna.id, 'ADD'))).toBe('user.not.found')
    expect(annaLine.refusal(Opcode.CONTACT_UPDATE, update(bob.id, 'HUG'))).toBe('proto.payload')
  })

  it('names in a delta who was added, renamed or removed since', () => {
    const { sim, clock, bob, annaToken, annaLine } = createPair()
    const carol = sim.direct.createAccount({ firstName: 'Carol' })
    clock.advance(1_000)
    const since = new TestLine(sim).login(annaToken).time
    clock.advance(1_000)
    annaLine.call(Opcode.CONTACT_UPDATE, update(carol.id, 'ADD'))
    annaLine.request(Opcode.CONTACT_UPDATE, update(bob.id, 'REMOVE'))
    const delta = asMaps(new TestLine(sim).login(annaToken, { contactsSync: since }).contacts)
    expect(delta.map((contact) => [idOf(contact), contact.status])).toEqual([
      [carol.id, undefined],
      [bob.id, 'REMOVED'],
    ])
    const whole = asMaps(new TestLine(sim).login(annaToken).contacts)
    expect(whole.map(idOf)).toEqual([carol.id])
  })

  it('hides the number of a stranger until they are a contact', () => {
    const { sim, annaLine } = createPair()
    const carol = sim.direct.createAccount({ firstName: 'Carol' })
    const found = annaLine.call(Opcode.CONTACT_INFO, { contactIds: [carol.id, 7] })
    expect(asMaps(found.contacts)).toHaveLength(1)
    expect(asMaps(found.contacts)[0]).not.toHaveProperty('phone')
    const added = annaLine.call(Opcode.CONTACT_UPDATE, update(carol.id, 'ADD'))
    expect(String(asMap(added.contact).phone)).toBe(carol.phone.slice(1))
  })

  it('takes a phone book, but nobody who may not be found by number', () => {
    const { sim, annaLine } = createPair()
    const carol = sim.direct.createAccount({ firstName: 'Carol' })
    const shy = sim.direct.createAccount({ firstName: 'Shy' })
    const line = new TestLine(sim)
    line.login(sim.direct.issueToken(shy.id).token)
    line.call(Opcode.CONFIG, { settings: { user: { SEARCH_BY_PHONE: 'CONTACTS' } } })
    const contactList = {
      [carol.phone]: { firstName: 'Карол' },
      [shy.phone]: { firstName: 'Shy' },
      '+79995550009': { firstName: 'Nobody' },
    }
    const answer = annaLine.call(Opcode.SYNC, { contactList })
    expect(asMaps(answer.contacts).map(idOf)).toEqual([carol.id])
    expect(Object.keys(asMap(answer.phones))).toEqual([carol.phone])
    expect(annaLine.refusal(Opcode.CONTACT_INFO_BY_PHONE, { phone: shy.phone })).toBe('not.found')
  })

  it('keeps names, blocks, photos and drafts when it is loaded anew', () => {
    const storage = new MemoryStorage()
    const { sim, clock, anna, bob, annaToken, annaLine, chatId } = createPair({ storage })
    annaLine.call(Opcode.CONTACT_UPDATE, update(bob.id, 'UPDATE', { firstName: 'Боб' }))
    annaLine.call(Opcode.CONTACT_UPDATE, update(bob.id, 'BLOCK'))
    annaLine.call(Opcode.DRAFT_SAVE, { chatId, draft: { text: 'Почти' } })
    sim.direct.setPhotos(anna.id, [11])
    const again = new Simulator({ clock, random: Math.random, storage })
    const reply = new TestLine(again).login(annaToken)
    expect(asMaps(reply.contacts)).toMatchObject([
      { status: 'BLOCKED', names: [{}, { name: 'Боб' }] },
    ])
    expect(String(asMap(asMap(reply.profile).contact).photoId)).toBe('11')
    const { saved } = asMap(asMap(reply.drafts).chats)
    expect(asMap(saved)[String(chatId)]).toMatchObject({ draft: { text: 'Почти' } })
  })
})

describe('drafts', () => {
  it('go to the other sessions of their author, and a newer one survives an older discard', () => {
    const { sim, clock, annaToken, annaLine, bobLine, chatId } = createPair()
    const phone = new TestLine(sim)
    phone.login(annaToken)
    const first = annaLine.call(Opcode.DRAFT_SAVE, { chatId, draft: { text: 'One' } }).time
    clock.advance(1_000)
    const second = annaLine.call(Opcode.DRAFT_SAVE, { chatId, draft: { text: 'Two' } }).time
    expect(phone.take(Opcode.NOTIF_DRAFT).map(({ draft }) => draft)).toEqual([
      { text: 'One' },
      { text: 'Two' },
    ])
    annaLine.request(Opcode.DRAFT_DISCARD, { chatId, time: first })
    expect(phone.take(Opcode.NOTIF_DRAFT_DISCARD)).toEqual([])
    annaLine.request(Opcode.DRAFT_DISCARD, { chatId, time: second })
    expect(phone.take(Opcode.NOTIF_DRAFT_DISCARD)).toHaveLength(1)
    expect(bobLine.take(Opcode.NOTIF_DRAFT)).toEqual([])
  })
})
