import type { WireMap } from '../../schema/wire.ts'
import { castVote, type Poll, pollOf, renderPollState, votersOf } from '../polls.ts'
import type { Message } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import { ownChat } from './chats.ts'
import { ownMessage } from './messages.ts'
import type { OnlineCall } from './operation.ts'

const askedPoll = (call: OnlineCall): { message: Message; poll: Poll } => {
  const { state } = ownChat(call)
  const message = ownMessage(call, state, call.fields.messageId('messageId'))
  const poll = pollOf(message)
  if (poll?.id !== call.fields.messageId('pollId')) throw new Refusal('not.found', 'No such poll')
  return { message, poll }
}

/** 304: an empty list takes the vote back. Nobody else is told (operations-and-events.md §6.3). */
export const sendVote = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const { message, poll } = askedPoll(call)
  const answerIds = [...new Set(fields.integers('answersIds'))]
  const vote = { answerIds, at: world.stamp() }
  message.votes = castVote(poll, message.votes ?? {}, account.id, vote)
  world.saveMessage(message)
  return { state: renderPollState(poll, message.votes, account.id) }
}

/** 305 */
export const listVoters = (call: OnlineCall): WireMap => {
  const { fields } = call
  const { message, poll } = askedPoll(call)
  const answerId = fields.integer('answerId')
  const count = fields.integer('count', { min: 1, max: 500 })
  const from = fields.optional('marker', (map, key) => map.integer(key, { min: 0 })) ?? 0
  if (!poll.answers.some((answer) => answer.answerId === answerId)) {
    throw malformed("'answerId' unknown")
  }
  const votes = message.votes ?? {}
  const voters = votersOf(poll, votes, answerId)
  const next = from + count
  return {
    voteCount: Object.values(votes).filter(({ answerIds }) => answerIds.includes(answerId)).length,
    voters: voters.slice(from, next),
    marker: next < voters.length ? next : undefined,
  }
}
