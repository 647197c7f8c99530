import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RunningSandbox, startSandbox } from '../../sandbox/node/server.ts'
import { type Gateway, maxEnv, startGateway, type Tenant } from '../support/gateway.ts'
import { adopt, createPerson, type Person, sentBy, write } from '../support/people.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'

interface Stage {
  tenant: Tenant
  receiver: Receiver
  person: Person
  chatId: number
}

describe('two tenants of one gateway', () => {
  let sandbox: RunningSandbox
  let gateway: Gateway
  const receivers: Receiver[] = []
  beforeAll(async () => {
    sandbox = await startSandbox()
    gateway = await startGateway(maxEnv(sandbox, 'binary'))
  })
  afterAll(async () => {
    await gateway.remove()
    await Promise.all(receivers.map((receiver) => receiver.close()))
    await sandbox.close()
  })

  const enter = async (): Promise<Stage> => {
    const receiver = await startReceiver()
    receivers.push(receiver)
    const tenant = await gateway.createTenant({ receiver })
    const person = createPerson(sandbox)
    await adopt(sandbox, tenant, person)
    await receiver.event('Connected')
    return { tenant, receiver, person, chatId: person.chatIds[0] ?? 0 }
  }

  it('get their own events and messages and nothing of the other', async () => {
    const both = [await enter(), await enter()] as const
    await Promise.all(
      both.map(async ({ tenant, person, receiver, chatId }, n) => {
        for (let i = 0; i < 20; i++) write(sandbox, person, `to ${n}: ${i}`)
        await tenant.post('/chat/send/text', { chatId, text: `from ${n}` })
        await receiver.message(`to ${n}: 19`)
      }),
    )
    for (const [n, { tenant, person, receiver }] of both.entries()) {
      expect(receiver.texts).toEqual(Array.from({ length: 20 }, (_, i) => `to ${n}: ${i}`))
      expect(new Set(receiver.received.map(({ body }) => body.instanceID))).toEqual(
        new Set([tenant.id]),
      )
      // A delivery signed with the other's secret would not have been taken.
      expect(receiver.refused).toEqual([])
      expect(sentBy(sandbox, person).map(({ text }) => text)).toEqual([`from ${n}`])
    }
    const strange = new Set(both[0].receiver.received.map(({ id }) => id))
    expect(both[1].receiver.received.filter(({ id }) => strange.has(id))).toEqual([])
  })

  it('cannot reach the chats of the other', async () => {
    const [mine, theirs] = [await enter(), await enter()]
    const { messageId } = write(sandbox, theirs.person, 'private')
    const { chatId } = theirs
    const foreign = [
      mine.tenant.request('POST', '/chat/history', { body: { chatId } }),
      mine.tenant.request('POST', '/chat/markread', { body: { chatId, messageId } }),
    ]
    for (const answer of await Promise.all(foreign)) {
      expect(answer).toMatchObject({ status: 404, body: { success: false } })
      expect(JSON.stringify(answer.body)).not.toContain('private')
    }
    const contacts = await mine.tenant.get('/user/contacts')
    expect(JSON.stringify(contacts)).not.toContain(theirs.person.friends[0]?.phone.slice(1))
  })

  it('do not lead each other offline', async () => {
    const [mine, theirs] = [await enter(), await enter()]
    await mine.tenant.post('/session/logout')
    expect(await theirs.tenant.get('/session/status')).toMatchObject({ state: 'online' })
    expect(theirs.receiver.ofType('Disconnected')).toEqual([])
    expect(theirs.receiver.ofType('LoggedOut')).toEqual([])
  })

  it('leave nothing behind: a deleted one has no token, no socket, no webhook', async () => {
    const [gone, stays] = [await enter(), await enter()]
    const { connections } = sandbox.control.state
    await gateway.admin.call('DELETE', `/admin/users/${gone.tenant.id}`)
    expect(await gone.tenant.request('GET', '/session/status')).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHORIZED' },
    })
    const body = { chatId: gone.chatId, text: 'ghost' }
    expect(await gone.tenant.request('POST', '/chat/send/text', { body })).toMatchObject({
      status: 401,
    })
    await vi.waitFor(() => expect(sandbox.control.state.connections).toBe(connections - 1))
    expect([...sandbox.core.world.sessions.of(gone.person.account.id)]).toEqual([])

    const before = gone.receiver.received.length
    write(sandbox, gone.person, 'to nobody')
    write(sandbox, stays.person, 'to somebody')
    await stays.receiver.message('to somebody')
    expect(gone.receiver.received).toHaveLength(before)
    expect(sentBy(sandbox, gone.person)).toEqual([])
    const { data } = await gateway.admin.get<{ data: { id: string }[] }>('/admin/users')
    expect(data.map(({ id }) => id)).not.toContain(gone.tenant.id)
    expect(data.map(({ id }) => id)).toContain(stays.tenant.id)
  })
})
