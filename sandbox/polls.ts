import { hasSetting, pollBits } from '../schema/polls.ts'
import { isWireMap, type WireMap, wireId, wireTime } from '../schema/wire.ts'
import type { Message, Vote } from './records.ts'
import { malformed, Refusal } from './refusal.ts'

/** A poll as it was asked. Who voted for what is kept beside the message. */
export interface Poll {
  id: bigint
  title: string
  answers: { answerId: number; text: string }[]
  settings: number
}

const KNOWN_SETTINGS = Object.values(pollBits).reduce((mask, bit) => mask | bit, 0)

/** A poll as a client sends it: at least two answers, numbered by the server (§2.4, §3.7). */
export const newPollAttach = (given: WireMap, id: bigint): WireMap => {
  const { title, answers, settings = 0 } = given
  if (typeof title !== 'string' || title === '') throw malformed("Expected string at 'title'")
  if (!Array.isArray(answers)) throw malformed("Expected array at 'answers'")
  if (answers.length < 2) throw new Refusal('poll.answers.few', 'A poll has two answers at least')
  if (typeof settings !== 'number' || (settings & ~KNOWN_SETTINGS) !== 0) {
    throw malformed("'settings' unknown")
  }
  const texts = answers.map((answer) => {
    const text = isWireMap(answer) ? answer.text : undefined
    if (typeof text !== 'string' || text === '') throw malformed("Expected string at 'text'")
    return text
  })
  return {
    _type: 'POLL',
    pollId: id,
    version: 2,
    title,
    answers: texts.map((text, at) => ({ answerId: at + 1, text })),
    settings,
  }
}

export const pollOf = (message: Message): Poll | undefined => {
  const attach = message.attaches.find(({ _type }) => _type === 'POLL')
  if (attach === undefined) return undefined
  // Written by `newPollAttach` alone.
  const { pollId, title, answers, settings } = attach as unknown as Omit<Poll, 'id'> & {
    pollId: bigint
  }
  return { id: pollId, title, answers, settings }
}

/** An edit of a poll closes it, and changes nothing else (§3.7). */
export const closePoll = (message: Message, given: WireMap): WireMap[] => {
  const settings = typeof given.settings === 'number' ? given.settings : 0
  return message.attaches.map((attach) => {
    if (attach._type !== 'POLL') return attach
    if (settings !== (Number(attach.settings) | pollBits.closed)) throw denied()
    return { ...attach, settings }
  })
}

/** The votes after one person has chosen; an empty choice takes theirs back. */
export const castVote = (poll: Poll, votes: Votes, userId: number, vote: Vote): Votes => {
  const { answerIds } = vote
  const known = new Set(poll.answers.map(({ answerId }) => answerId))
  if (!answerIds.every((id) => known.has(id))) throw malformed("'answersIds' unknown")
  if (hasSetting(poll.settings, 'closed')) throw denied()
  if (answerIds.length > 1 && !hasSetting(poll.settings, 'multipleChoice')) throw denied()
  const { [String(userId)]: before, ...others } = votes
  if (answerIds.length === 0) {
    if (before !== undefined && !hasSetting(poll.settings, 'revote')) throw denied()
    return others
  }
  // A change needs a retract first, even where votes may be changed.
  if (before !== undefined) throw new Refusal('poll.already.voted', 'Already voted')
  return { ...votes, [userId]: vote }
}

export type Votes = { [userId: string]: Vote }

/** Who voted for an answer, the first first; nobody is named in an anonymous poll. */
export const votersOf = (poll: Poll, votes: Votes, answerId: number): WireMap[] =>
  hasSetting(poll.settings, 'anonymous')
    ? []
    : Object.entries(votes)
        .filter(([, { answerIds }]) => answerIds.includes(answerId))
        .sort(([, one], [, other]) => one.at - other.at)
        .map(([userId, { at }]) => ({ userId: wireId(userId), timestamp: wireTime(at) }))

/** How the poll stands; bit 1 of `options` marks what the viewer voted for (§2.4). */
export const renderPollState = (poll: Poll, votes: Votes, viewerId?: number): WireMap => {
  const all = Object.values(votes)
  const mine = viewerId === undefined ? undefined : votes[viewerId]
  const result = poll.answers.map(({ answerId }) => {
    const voteCount = all.filter(({ answerIds }) => answerIds.includes(answerId)).length
    return {
      answerId,
      voteCount,
      rate: all.length === 0 ? 0 : Math.round((voteCount * 100) / all.length),
      options: mine?.answerIds.includes(answerId) ? 1 : 0,
      votes: votersOf(poll, votes, answerId),
    }
  })
  const named = hasSetting(poll.settings, 'anonymous') ? [] : Object.keys(votes).slice(0, 3)
  return {
    total: all.length,
    result: all.length === 0 ? null : result,
    voterPreviewIds: named.map(wireId),
  }
}

export const denied = (): Refusal => new Refusal('poll.denied', 'Poll denied')
