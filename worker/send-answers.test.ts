import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveEdge } from '../test/support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const path = '/chat/send/text'

describe('the answer to a send', () => {
  it('is 202 with the place of its status when the caller does not want to wait', async () => {
    const { me, friend, chatId } = await world.enterPair()
    const prefer = { prefer: 'wait=5, Respond-Async' }
    const answer = await me.call('POST', path, { chatId, text: 'hello' }, prefer)
    expect(answer).toMatchObject({
      status: 202,
      body: { success: true, id: expect.stringMatching(/^msg_/), status: 'queued' },
    })
    expect(answer.headers.get('preference-applied')).toBe('respond-async')
    const location = String(answer.headers.get('location'))
    expect(location).toBe(`/messages/${answer.body.id}`)
    const sent = await me.session.event('MessageStatus', ({ status }) => status === 'sent')
    expect(sent).toMatchObject({ sendId: answer.body.id, chatId })
    expect(await me.ok('GET', location)).toMatchObject({ messageId: sent.messageId })
    await friend.ok('POST', '/chat/markread', { chatId, messageId: sent.messageId })
    await me.session.event('MessageStatus', ({ status }) => status === 'read')
    expect(await me.ok('GET', `/messages/${sent.messageId}?chatId=${chatId}`)).toMatchObject({
      id: answer.body.id,
      status: 'read',
    })
    expect(await me.ok('GET', '/messages?status=read&limit=5')).toMatchObject({
      messages: [{ id: answer.body.id }],
    })
    expect(await friend.call('GET', location)).toMatchObject({ status: 404 })
  })

  it('says when it is a replay, of a success and of a refusal', async () => {
    const { me, chatId } = await world.enterPair()
    const key = { 'idempotency-key': 'order-1' }
    const first = await me.call('POST', path, { chatId, text: 'hello' }, key)
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    const again = await me.call('POST', path, { chatId: String(chatId), text: 'hello' }, key)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.body).toEqual(first.body)
    expect(await me.call('POST', path, { chatId, text: 'other' }, key)).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_MISMATCH' },
    })
    const nowhere = { chatId: -1, text: 'hello' }
    const headers = { 'idempotency-key': 'order-2' }
    const refused = await me.call('POST', path, nowhere, headers)
    expect(refused.headers.get('idempotent-replayed')).toBeNull()
    const refusedAgain = await me.call('POST', path, nowhere, headers)
    expect(refusedAgain.status).toBe(refused.status)
    expect(refusedAgain.headers.get('idempotent-replayed')).toBe('true')
    expect(refusedAgain.body.maxError).toEqual(refused.body.maxError)
  })

  it('ignores a key where nothing is created', async () => {
    const { me, chatId } = await world.enterPair()
    const key = { 'idempotency-key': 'read-1' }
    await me.ok('POST', '/chat/history', { chatId }, key)
    const answer = await me.call('POST', '/chat/history', { chatId, count: 3 }, key)
    expect(answer.status).toBe(200)
  })

  it('refuses a key that no header can carry back', async () => {
    const { me, chatId } = await world.enterPair()
    const key = { 'idempotency-key': 'with space' }
    expect(await me.call('POST', path, { chatId, text: 'hello' }, key)).toMatchObject({
      status: 400,
      body: { field: 'Idempotency-Key' },
    })
  })
})
