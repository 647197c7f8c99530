import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { sentBy, write } from '../support/people.ts'
import { useWorld } from '../support/world.ts'

describe('two tenants of one gateway', () => {
  const { enterOnline: enter } = useWorld('binary')

  it('get their own events and messages and nothing of the other', async () => {
    const both = [await enter(), await enter()] as const
    await Promise.all(
      both.map(async ({ sandbox, tenant, person, receiver }, n) => {
        const [chatId] = person.chatIds
        for (let i = 0; i < 20; i++) write(sandbox, person, `to ${n}: ${i}`)
        await tenant.post('/chat/send/text', { chatId, text: `from ${n}` })
        await receiver.message(`to ${n}: 19`)
      }),
    )
    for (const [n, { sandbox, tenant, person, receiver }] of both.entries()) {
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
    const { messageId } = write(theirs.sandbox, theirs.person, 'private')
    const [chatId] = theirs.person.chatIds
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
    const { sandbox, gateway } = gone
    const { connections } = sandbox.control.state
    await gateway.admin.call('DELETE', `/admin/users/${gone.tenant.id}`)
    expect(await gone.tenant.request('GET', '/session/status')).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHORIZED' },
    })
    const body = { chatId: gone.person.chatIds[0], text: 'ghost' }
    expect(await gone.tenant.request('POST', '/chat/send/text', { body })).toMatchObject({
      status: 401,
    })
    await eventually(() => expect(sandbox.control.state.connections).toBe(connections - 1))
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
