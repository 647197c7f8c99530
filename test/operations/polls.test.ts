import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

const enterPoll = async (input: object = {}) => {
  const { me, friend, chatId } = await world.enterPair()
  const sent = await me.ok('POST', '/chat/send/poll', {
    chatId,
    title: 'Lunch?',
    answers: ['Soup', 'Salad', 'Nothing'],
    ...input,
  })
  const poll = { chatId, messageId: String(sent.messageId) }
  const state = async (): Promise<unknown> => {
    const found = await me.ok('POST', '/chat/messages', { chatId, messageIds: [poll.messageId] })
    const [message] = found.messages as { attaches: unknown[] }[]
    return message?.attaches[0]
  }
  return { me, friend, poll, state }
}

const refusal = (code: string) => ({
  status: 422,
  body: { code: 'MAX_REFUSED', maxError: { code } },
})

describe('polls', () => {
  it('are sent with their settings, numbered by MAX', async () => {
    const { state } = await enterPoll({ anonymous: false, multipleChoice: true, quiz: true })
    expect(await state()).toMatchObject({
      _type: 'POLL',
      title: 'Lunch?',
      version: 2,
      // Multiple choice, re-vote and quiz.
      settings: 2 + 4 + 16,
      answers: [
        { answerId: 1, text: 'Soup' },
        { answerId: 2, text: 'Salad' },
        { answerId: 3, text: 'Nothing' },
      ],
      pollId: expect.stringMatching(/^\d{18}$/),
      state: { total: 0 },
    })
  })

  it('take a vote, and give it back', async () => {
    const { me, friend, poll, state } = await enterPoll({ anonymous: false })
    const voted = await friend.ok('POST', '/chat/poll/vote', { ...poll, answerIds: [2] })
    expect(voted.state).toMatchObject({
      total: 1,
      result: [
        { answerId: 1, voteCount: 0, votedByMe: false },
        { answerId: 2, voteCount: 1, votedByMe: true },
        { answerId: 3, voteCount: 0 },
      ],
    })
    expect(await state()).toMatchObject({ state: { total: 1 } })
    const voters = { ...poll, answerId: 2 }
    expect(await me.ok('POST', '/chat/poll/voters', voters)).toMatchObject({
      voteCount: 1,
      voters: [{ userId: friend.account.id, timestamp: expect.any(Number) }],
    })
    // A change needs a retract first.
    const again = await friend.call('POST', '/chat/poll/vote', { ...poll, answerIds: [1] })
    expect(again).toMatchObject(refusal('poll.already.voted'))
    const retracted = await friend.ok('POST', '/chat/poll/retract', poll)
    expect(retracted.state).toMatchObject({ total: 0, result: [] })
    await friend.ok('POST', '/chat/poll/vote', { ...poll, answerIds: [1] })
  })

  it('name nobody when they are anonymous', async () => {
    const { me, friend, poll } = await enterPoll()
    await friend.ok('POST', '/chat/poll/vote', { ...poll, answerIds: [1] })
    const voters = await me.ok('POST', '/chat/poll/voters', { ...poll, answerId: 1 })
    expect(voters).toMatchObject({ voteCount: 1, voters: [] })
  })

  it('are closed for good by their author', async () => {
    const { me, friend, poll, state } = await enterPoll({ revote: false })
    await friend.ok('POST', '/chat/poll/vote', { ...poll, answerIds: [1] })
    const kept = await friend.call('POST', '/chat/poll/retract', poll)
    expect(kept).toMatchObject(refusal('poll.denied'))
    expect(await friend.call('POST', '/chat/poll/close', poll)).toMatchObject({ status: 403 })
    await me.ok('POST', '/chat/poll/close', poll)
    expect(await state()).toMatchObject({ settings: 1 + 8, state: { total: 1 } })
    const late = await me.call('POST', '/chat/poll/vote', { ...poll, answerIds: [1] })
    expect(late).toMatchObject(refusal('poll.denied'))
  })

  it('refuse two answers where one is asked for, and answers that do not exist', async () => {
    const { friend, poll } = await enterPoll()
    const two = await friend.call('POST', '/chat/poll/vote', { ...poll, answerIds: [1, 2] })
    expect(two).toMatchObject(refusal('poll.denied'))
    const wrong = await friend.call('POST', '/chat/poll/vote', { ...poll, answerIds: [9] })
    expect(wrong).toMatchObject(refusal('proto.payload'))
  })

  it.each([
    [{ answers: ['One'] }, 'answers'],
    [{ answers: ['One', ''] }, 'answers.1'],
    [{ title: '' }, 'title'],
  ])('need a question and two answers: %j', async (input, field) => {
    const me = await world.enterOnline()
    const body = { chatId: 0, title: 'x', answers: ['a', 'b'], ...input }
    const answer = await me.call('POST', '/chat/send/poll', body)
    expect(answer).toMatchObject({ status: 400, body: { field } })
  })

  it('are looked for in the message that is named', async () => {
    const { me, poll } = await enterPoll()
    const { chatId } = poll
    const text = await me.ok('POST', '/chat/send/text', { chatId, text: 'no poll' })
    const vote = { chatId, messageId: text.messageId, answerIds: [1] }
    const answer = await me.call('POST', '/chat/poll/vote', vote)
    expect(answer).toMatchObject({ status: 404, body: { field: 'messageId' } })
  })
})
