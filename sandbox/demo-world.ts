import type { SandboxInfo } from '../schema/sandbox-port.ts'
import type { Account } from './records.ts'
import { fullName } from './render.ts'
import type { Simulator } from './simulator.ts'
import type { World } from './world.ts'

/** The people an integrator meets. Numbers are fixed, ids are the world's own. */
const mePhone = '+79990000000'
const guardedPhone = '+79990000009'
const password = 'sandbox-password'
const unregisteredPhone = '+79990000100'
const contacts = [
  {
    phone: '+79990000001',
    firstName: 'Анна',
    lastName: 'Смирнова',
    says: 'Привет! Это песочница.',
  },
  { phone: '+79990000002', firstName: 'Bob', lastName: 'Miller', says: 'Hello from the sandbox.' },
  { phone: '+79990000003', firstName: 'Олег', lastName: 'Петров', says: 'Жду ваших сообщений.' },
] as const

export interface DemoWorld {
  me: Account
  contacts: Account[]
}

/** Fills an empty world: me, an account with a password, contacts with dialogs, a group, a channel. */
export const createDemoWorld = (sim: Simulator): DemoWorld => {
  const { direct } = sim
  const me = direct.createAccount({ phone: mePhone, firstName: 'Иван', lastName: 'Тестов' })
  const guarded = direct.createAccount({ phone: guardedPhone, firstName: 'Мария', password })
  const people = contacts.map(({ says, ...person }) => {
    const contact = direct.createAccount(person)
    for (const account of [me, guarded]) {
      direct.befriend(account.id, contact.id)
      direct.incoming({ to: account.id, from: contact.id, text: says })
    }
    return contact
  })
  const ids = people.map((contact) => contact.id)
  const owner = people[0] ?? me
  const group = direct.createGroup({
    type: 'CHAT',
    ownerId: me.id,
    title: 'Команда · Team',
    userIds: ids,
  })
  direct.incoming({ to: me.id, from: owner.id, chatId: group.chat.id, text: 'Всем привет!' })
  const channel = direct.createGroup({
    type: 'CHANNEL',
    ownerId: owner.id,
    title: 'Новости · News',
    userIds: [me.id],
  })
  // Public, so that there is something for a search to find.
  channel.chat.access = 'PUBLIC'
  channel.chat.publicName = 'sandbox_news'
  sim.world.saveChat(channel)
  direct.incoming({ to: me.id, from: owner.id, chatId: channel.chat.id, text: 'Первая запись.' })
  return { me, contacts: people }
}

/** The people of a world that was filled before. */
export const findDemoWorld = (world: World): DemoWorld | undefined => {
  const me = world.accountByPhone(mePhone)
  if (!me) return undefined
  return { me, contacts: contacts.flatMap(({ phone }) => world.accountByPhone(phone) ?? []) }
}

export const demoInfo = (sim: Simulator, { me, contacts: people }: DemoWorld): SandboxInfo => ({
  phone: me.phone,
  code: sim.settings.code,
  phoneWithPassword: guardedPhone,
  password,
  unregisteredPhone,
  me: { id: me.id, name: fullName(me) },
  contacts: people.map((contact) => ({
    id: contact.id,
    name: fullName(contact),
    phone: contact.phone,
    chatId: sim.world.dialog(me.id, contact.id).chat.id,
  })),
})
