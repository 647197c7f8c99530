import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { Protocol } from '../support/gateway.ts'
import { sentBy, write } from '../support/people.ts'
import { type Stage, useWorld } from '../support/world.ts'

const FRIENDS = 5
/** Each round begins before the one before it has ended. */
const ROUNDS = 10
const INCOMING_PER_ROUND = 20
const SENDS_PER_ROUND = 5

interface Sent {
  messageId: string
  chatId: number
}

/** The client of a careful user: no answer means the same request again, once that can help. */
const sender = ({ tenant, person }: Stage, restarted: Promise<void>) => {
  const answers: Promise<Sent>[] = []
  const send = async (n: number): Promise<Sent> => {
    const chatId = person.chatIds[n % FRIENDS]
    const call = {
      body: { chatId, text: `out ${n}` },
      headers: { 'idempotency-key': crypto.randomUUID() },
    }
    const answer = await tenant.request<Sent>('POST', '/chat/send/text', call).catch(async () => {
      await restarted
      return tenant.request<Sent>('POST', '/chat/send/text', call)
    })
    expect(answer).toMatchObject({ status: 200, body: { success: true, chatId } })
    return answer.body
  }
  return {
    sendRound: (round: number): void => {
      for (let n = round * SENDS_PER_ROUND; n < (round + 1) * SENDS_PER_ROUND; n++) {
        const answer = send(n)
        // Looked at in the end; until then nobody else may call it unhandled.
        answer.catch(() => {})
        answers.push(answer)
      }
    },
    answers: () => Promise.all(answers),
  }
}

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${name} ${n}`)

/** Friends take turns; each counts on in its own chat. */
const writeRound = ({ sandbox, person }: Stage, round: number): void => {
  const perFriend = INCOMING_PER_ROUND / FRIENDS
  for (let n = round * perFriend; n < (round + 1) * perFriend; n++) {
    for (let friend = 0; friend < FRIENDS; friend++) {
      write(sandbox, person, `from ${friend}: ${n}`, friend)
    }
  }
}

/** Everything arrived: in order in each chat, and what came twice came as the same event. */
const expectAllDelivered = async ({ receiver, person }: Stage, rounds: number): Promise<void> => {
  const count = rounds * INCOMING_PER_ROUND
  await receiver.waitFor(`${count} messages`, ({ messages }) => messages.length >= count)
  for (const [friend, chatId] of person.chatIds.entries()) {
    const ofChat = receiver.messages.filter(({ body }) => body.event?.chatId === chatId)
    expect(ofChat.map(({ body }) => body.event?.message?.text)).toEqual(
      numbered(`from ${friend}:`, count / FRIENDS),
    )
  }
  const bodies = new Map<string, string>()
  for (const { id, raw } of receiver.received) {
    expect(raw).toBe(bodies.get(id) ?? raw)
    bodies.set(id, raw)
  }
  expect(receiver.refused).toEqual([])
}

/** Each send exists once, under the id that its caller was told. */
const expectAllSent = ({ sandbox, person }: Stage, answers: Sent[]): void => {
  const sent = sentBy(sandbox, person)
  expect(sent.map(({ text }) => text).sort()).toEqual(numbered('out', answers.length).sort())
  expect(new Map(sent.map(({ text, id }) => [text, id]))).toEqual(
    new Map(answers.map(({ messageId }, n) => [`out ${n}`, messageId])),
  )
}

interface Moment {
  /** In the middle of which round, */
  round: number
  /** and after how many deliveries of it, the gateway is killed. */
  deliveries: number
}

const crash = async (stage: Stage, bystanders: Stage[], moment: Moment): Promise<void> => {
  const { gateway, receiver } = stage
  const back = Promise.withResolvers<void>()
  const { sendRound, answers } = sender(stage, back.promise)
  const run = (from: number, to: number): void => {
    for (let round = from; round < to; round++) {
      writeRound(stage, round)
      sendRound(round)
    }
  }
  for (let round = 0; round <= moment.round; round++) {
    run(round, round + 1)
    const deliveries = round < moment.round ? INCOMING_PER_ROUND / 2 : moment.deliveries
    const count = round * INCOMING_PER_ROUND + deliveries
    await receiver.waitFor(`${count} messages`, ({ messages }) => messages.length >= count)
  }
  await gateway.kill()
  // Some of what is left happens while the gateway is down, the rest when it is back.
  const middle = Math.ceil((moment.round + 1 + ROUNDS) / 2)
  run(moment.round + 1, middle)
  await gateway.start()
  back.resolve()
  run(middle, ROUNDS)

  const answered = await answers()
  await expectAllDelivered(stage, ROUNDS)
  for (const each of [stage, ...bystanders]) {
    // Nobody asked the bystanders anything: they come back by themselves.
    await each.receiver.event('Connected', 2)
    // What was sent but not written down as sent goes out again, under its old `cid`.
    await eventually(async () =>
      expect(await each.tenant.get('/session/status')).toMatchObject({
        state: 'online',
        pendingSends: 0,
        delivery: { pending: 0, failing: false },
      }),
    )
  }
  await expectAllDelivered(stage, ROUNDS)
  expectAllSent(stage, answered)
}

describe.each<[Protocol, number, Moment[]]>([
  [
    'binary',
    0,
    [
      { round: 0, deliveries: 1 },
      { round: 5, deliveries: 0 },
      { round: 8, deliveries: 15 },
    ],
  ],
  ['json', 0, [{ round: 4, deliveries: 8 }]],
  ['tcp', 0, [{ round: 4, deliveries: 8 }]],
  ['binary', 3, [{ round: 5, deliveries: 11 }]],
  ['tcp', 2, [{ round: 4, deliveries: 8 }]],
])('a kill -9 over %s, with %i session processes', (protocol, processes, moments) => {
  const { enterOnline } = useWorld(protocol, { processes })

  it.each(moments)('in round $round, delivery $deliveries, loses nothing', async (moment) => {
    const stage = await enterOnline({ friends: FRIENDS })
    const bystanders = await Promise.all([enterOnline(), enterOnline()])
    await crash(stage, bystanders, moment)
  })
})

describe('a receiver', () => {
  const { enterOnline } = useWorld('binary')

  it.concurrent.each([500, 503])('that answers %s for a while misses nothing', async (status) => {
    const stage = await enterOnline({ friends: FRIENDS })
    const { receiver } = stage
    receiver.answerWith(status)
    writeRound(stage, 0)
    await receiver.waitFor('a failed delivery', ({ turnedAway }) => turnedAway > 0)
    receiver.answerWith(200)
    writeRound(stage, 1)
    await expectAllDelivered(stage, 2)
  })

  it('that is down during the crash gets everything once it is up again', async () => {
    const stage = await enterOnline({ friends: FRIENDS })
    const { gateway, receiver } = stage
    writeRound(stage, 0)
    await receiver.waitFor('some messages', ({ messages }) => messages.length >= 5)
    await Promise.all([gateway.kill(), receiver.close()])
    writeRound(stage, 1)
    writeRound(stage, 2)
    const failed = gateway.logged(({ message }) => message === 'delivery failed', 30_000)
    await gateway.start()
    await failed
    writeRound(stage, 3)
    await receiver.open()
    await expectAllDelivered(stage, 4)
  })
})
