import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { type IdValue, idInput, publicValue } from '../ids.ts'
import { outgoingMessage, publicSent, sendFields, sentOutput } from '../message-input.ts'
import { messageRef, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import { pollBits, pollSettings } from '../polls.ts'
import type { SessionPort } from '../session-port.ts'
import { attachOf, readMessage } from '../stored-message.ts'
import {
  asIdString,
  asMap,
  asMaps,
  asNumber,
  asString,
  type WireMap,
  wireId,
  wireMessageId,
} from '../wire.ts'
import { operation, readErrors, sendErrors, writeErrors } from './define.ts'

/** Which poll is meant. Its own id is looked up in the message unless it is given. */
const poll = {
  ...target,
  messageId: messageRef.describe('Message that carries the poll'),
  pollId: idInput.optional().describe('Spares a look-up in the message'),
}

const answerId = z.int().min(0)

const PollState = z
  .looseObject({
    total: z.number(),
    result: z.array(
      z.looseObject({
        answerId: z.number(),
        voteCount: z.number(),
        votedByMe: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'PollState' })

/** MAX says `null` for a poll without votes, and whether I voted in bit 1 of `options`. */
const publicState = (state: WireMap): Record<string, unknown> => ({
  total: 0,
  ...(publicValue(state) as Record<string, unknown>),
  result: asMaps(state.result).map((row) => ({
    voteCount: 0,
    ...(publicValue(row) as Record<string, unknown>),
    votedByMe: ((asNumber(row.options) ?? 0) & 1) === 1,
  })),
})

const exampleState = {
  total: 1,
  result: [{ answerId: 1, voteCount: 1, rate: 100, options: 1, votedByMe: true }],
}

interface PollInput {
  chatId?: IdValue | undefined
  phone?: string | undefined
  userId?: IdValue | undefined
  messageId: string
  pollId?: IdValue | undefined
}

/** The poll attachment of a message. */
const readPoll = async (
  session: SessionPort,
  chatId: IdValue,
  messageId: string,
): Promise<WireMap> => {
  const attach = attachOf(await readMessage(session, chatId, messageId), 'POLL')
  if (attach === undefined) {
    throw new GatewayError('NOT_FOUND', 'the message carries no poll', { field: 'messageId' })
  }
  return attach
}

/** Chat, message and poll as MAX wants them named. */
const locate = async (session: SessionPort, input: PollInput): Promise<WireMap> => {
  const { messageId } = input
  const chatId = await resolveChat(session, input)
  const pollId =
    input.pollId ?? asIdString((await readPoll(session, chatId, messageId)).pollId) ?? '0'
  return {
    chatId: wireId(chatId),
    messageId: wireMessageId(messageId),
    pollId: wireId(pollId),
  }
}

const vote = async (session: SessionPort, input: PollInput, answers: readonly number[]) => {
  const place = await locate(session, input)
  // Answers are the one id that MAX wants as plain integers (§1.2).
  const reply = await session.call(Opcode.SEND_VOTE, { ...place, answersIds: [...answers] })
  return { state: publicState(asMap(reply.state)) }
}

export const pollOperations = {
  sendPoll: operation({
    method: 'POST',
    path: '/chat/send/poll',
    scope: 'tenant',
    summary: 'Send a poll',
    description:
      'A poll is a message of its own, without a text. The web client does not show polls.',
    example: {
      input: { chatId: -70000000000123, title: 'Lunch?', answers: ['Soup', 'Salad'] },
      output: {
        id: 'msg_mu9ph3s1',
        messageId: '117309440008060930',
        chatId: -70000000000123,
        timestamp: 1790000000123,
      },
    },
    online: true,
    creates: true,
    respondsAsync: true,
    input: z.object({
      ...target,
      title: z.string().trim().min(1).max(200).describe('The question'),
      answers: z.array(z.string().trim().min(1).max(200)).min(2).max(20),
      anonymous: z.boolean().default(true).describe('Nobody sees who voted for what'),
      multipleChoice: z.boolean().default(false),
      revote: z.boolean().default(true).describe('A vote may be taken back'),
      quiz: z.boolean().default(false),
      forwardable: z.boolean().default(false),
      ...sendFields,
    }),
    output: sentOutput,
    errors: sendErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const attach = {
        _type: 'POLL',
        title: input.title,
        answers: input.answers.map((text) => ({ text })),
        settings: pollSettings(input),
      }
      const message = outgoingMessage(chatId, input, { attaches: [attach] })
      return publicSent(await session.send(message))
    },
  }),
  votePoll: operation({
    method: 'POST',
    path: '/chat/poll/vote',
    scope: 'tenant',
    summary: 'Vote in a poll',
    description:
      'MAX refuses (`MAX_REFUSED`) with `poll.denied` when the poll is closed, and with `poll.already.voted` when there is a vote already: take it back first.',
    example: {
      input: { chatId: -70000000000123, messageId: '117309440008060930', answerIds: [1] },
      output: { state: exampleState },
    },
    online: true,
    input: z.object({ ...poll, answerIds: z.array(answerId).min(1).max(20) }),
    output: z.looseObject({ state: PollState }),
    errors: writeErrors,
    run: (session, input) => vote(session, input, [...new Set(input.answerIds)]),
  }),
  retractVote: operation({
    method: 'POST',
    path: '/chat/poll/retract',
    scope: 'tenant',
    summary: 'Take the own vote in a poll back',
    description:
      'Where there is none it changes nothing. MAX refuses (`poll.denied`) in closed polls and in those that were made without `revote`.',
    example: {
      input: { chatId: -70000000000123, messageId: '117309440008060930' },
      output: { state: { total: 0, result: [] } },
    },
    online: true,
    input: z.object(poll),
    output: z.looseObject({ state: PollState }),
    errors: writeErrors,
    run: (session, input) => vote(session, input, []),
  }),
  closePoll: operation({
    method: 'POST',
    path: '/chat/poll/close',
    scope: 'tenant',
    summary: 'Close an own poll',
    description: 'Its votes stay, no others come. It cannot be opened again.',
    example: {
      input: { chatId: -70000000000123, messageId: '117309440008060930' },
      output: { message: 'Poll closed' },
    },
    online: true,
    input: z.object({ ...target, messageId: messageRef }),
    output: z.looseObject({ message: z.string() }),
    errors: writeErrors,
    run: async (session, input) => {
      const chatId = await resolveChat(session, input)
      const attach = await readPoll(session, chatId, input.messageId)
      await session.call(Opcode.MSG_EDIT, {
        chatId: wireId(chatId),
        messageId: wireMessageId(input.messageId),
        elements: [],
        attachments: [
          {
            _type: 'POLL',
            pollId: wireId(asIdString(attach.pollId) ?? '0'),
            title: asString(attach.title) ?? '',
            answers: asMaps(attach.answers).map(({ text }) => ({ text: asString(text) ?? '' })),
            settings: (asNumber(attach.settings) ?? 0) | pollBits.closed,
          },
        ],
      })
      return { message: 'Poll closed' }
    },
  }),
  listVoters: operation({
    method: 'POST',
    path: '/chat/poll/voters',
    scope: 'tenant',
    summary: 'Who voted for an answer of a poll',
    description: 'Anonymous polls name nobody. Page with `marker`.',
    example: {
      input: { chatId: -70000000000123, messageId: '117309440008060930', answerId: 1 },
      output: { voteCount: 1, voters: [{ userId: 240000035, timestamp: 1790000000456 }] },
    },
    reads: true,
    online: true,
    input: z.object({
      ...poll,
      answerId,
      count: z.int().min(1).max(100).default(50),
      marker: z.union([z.int(), z.string().max(512)]).optional(),
    }),
    output: z.looseObject({
      voteCount: z.number(),
      voters: z.array(z.unknown()),
      marker: z.union([z.number(), z.string()]).optional(),
    }),
    errors: readErrors,
    run: async (session, input) => {
      const { count, marker } = input
      const place = await locate(session, input)
      const reply = await session.call(Opcode.VOTERS_LIST_BY_ANSWER, {
        ...place,
        answerId: input.answerId,
        count,
        marker,
      })
      return {
        ...(publicValue(reply) as Record<string, unknown>),
        voteCount: asNumber(reply.voteCount) ?? 0,
        voters: Array.isArray(reply.voters) ? publicValue(reply.voters) : [],
      }
    },
  }),
}
