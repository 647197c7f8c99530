import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

describe('POST /chat/linkpreview', () => {
  it('shows what MAX would show, or nothing', async () => {
    const me = await world.enterOnline()
    const preview = (text: string) => me.ok('POST', '/chat/linkpreview', { text })
    expect(await preview('see https://example.com/page')).toMatchObject({
      attachments: [{ _type: 'SHARE', url: 'https://example.com/page', host: 'example.com' }],
    })
    expect((await preview('no link')).attachments).toEqual([])
  })
})

describe('POST /chat/transcribe', () => {
  const enterVoice = async () => {
    const { me, friend, chatId } = await world.enterPair()
    const { messageId } = world.sim.direct.incoming({
      to: me.account.id,
      from: friend.account.id,
      text: '',
      attaches: [{ _type: 'AUDIO', audioId: 77, duration: 1000, url: 'https://a.b' }],
    })
    return { me, friend, chatId, messageId }
  }

  it('begins, tells the result by an event, and has it when asked again', async () => {
    const { me, chatId, messageId } = await enterVoice()
    const ask = (input: object = {}) =>
      me.ok('POST', '/chat/transcribe', { chatId, messageId, ...input })
    const first = await ask()
    expect(first).toMatchObject({ status: 'processing' })
    expect(first).not.toHaveProperty('transcription')
    expect(await ask({ mediaId: '77' })).toMatchObject({
      status: 'ready',
      transcription: 'Words of 77',
    })
    const event = await me.session.event('Transcription')
    expect(event.event).toMatchObject({ chatId, messageId, transcription: 'Words of 77' })
  })

  it('needs something that was said', async () => {
    const { friend, chatId } = await enterVoice()
    const { messageId } = await friend.ok('POST', '/chat/send/text', { chatId, text: 'x' })
    const answer = await friend.call('POST', '/chat/transcribe', { chatId, messageId })
    expect(answer).toMatchObject({ status: 404, body: { field: 'messageId' } })
  })
})

describe('POST /chat/button', () => {
  it("presses a bot's button, and the bot's answer comes as an event", async () => {
    const { me, friend, chatId } = await world.enterPair()
    const buttons = [[{ type: 'CALLBACK', text: 'Yes!', payload: 'yes' }]]
    world.sim.direct.incoming({
      to: me.account.id,
      from: friend.account.id,
      text: 'Sure?',
      attaches: [{ _type: 'INLINE_KEYBOARD', callbackId: 'cb-1', keyboard: { buttons } }],
    })
    const press = { callbackId: 'cb-1', payload: 'yes' }
    expect(await me.ok('POST', '/chat/button', press)).toMatchObject({ message: 'Button pressed' })
    const event = await me.session.event('CallbackAnswer')
    expect(event.event).toMatchObject({ chatId, text: 'Yes!' })
    const wrong = await me.call('POST', '/chat/button', { ...press, payload: 'no' })
    expect(wrong).toMatchObject({ status: 422, body: { code: 'MAX_REFUSED' } })
  })
})
