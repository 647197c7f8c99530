import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireId, wireMessageId } from '../../schema/wire.ts'
import type { Message } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import { renderReactions } from '../render.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import { ownMessage } from './messages.ts'
import type { OnlineCall } from './operation.ts'

/** One reaction per person and message; a new one replaces the old (operations-and-events.md §3.3). */
export const react = (call: OnlineCall): WireMap => {
  const { fields } = call
  const { state } = ownChat(call)
  const message = ownMessage(call, state, fields.reactedMessageId('messageId'))
  const reaction = fields.map('reaction')
  if (reaction.string('reactionType') !== 'EMOJI') throw malformed("'reactionType' unknown")
  const emoji = reaction.string('id')
  if (!/\p{Extended_Pictographic}/u.test(emoji) || emoji.length > 16) {
    throw new Refusal('error.message.like.unknown.reaction', 'Unknown reaction')
  }
  if (!isTaken(state, emoji)) {
    throw new Refusal('error.reactions.not.allowed', 'The chat does not take this reaction')
  }
  return change(call, state, message, emoji)
}

/** What 257 chose: none at all, only the named ones, or all but those. */
const isTaken = ({ chat: { reactions } }: ChatState, emoji: string): boolean => {
  if (reactions === undefined) return true
  return reactions.isActive && reactions.included === reactions.reactionIds.includes(emoji)
}

export const cancelReaction = (call: OnlineCall): WireMap => {
  const { state } = ownChat(call)
  const message = ownMessage(call, state, call.fields.reactedMessageId('messageId'))
  return change(call, state, message, undefined)
}

export const getReactions = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const { state } = ownChat(call)
  const messages = fields.messageIds('messageIds').flatMap((id) => world.message(state, id) ?? [])
  return {
    messagesReactions: Object.fromEntries(
      messages.map((message) => [String(message.id), renderReactions(message, account.id)]),
    ),
  }
}

/** 181: who reacted how, in the order of their ids; with `reaction` those alone who chose it. */
export const listReactions = (call: OnlineCall): WireMap => {
  const { account, fields } = call
  const { state } = ownChat(call)
  const message = ownMessage(call, state, fields.messageId('messageId'))
  const count = fields.integer('count', { min: 1, max: 500 })
  const from = fields.optional('marker', (map, key) => map.integer(key, { min: 0 })) ?? 0
  const chosen = fields.optional('reaction', (map, key) => map.string(key))
  const all = Object.entries(message.reactions).filter(
    ([, emoji]) => chosen === undefined || emoji === chosen,
  )
  const next = from + count
  return {
    reactionInfo: renderReactions(message, account.id),
    yourReaction: message.reactions[account.id],
    reactions: all
      .slice(from, next)
      .map(([userId, reaction]) => ({ userId: wireId(userId), reaction })),
    marker: next < all.length ? next : undefined,
  }
}

/** 155 is flat and for the others, 156 is nested and for my other sessions (§5.2). */
const change = (
  call: OnlineCall,
  state: ChatState,
  message: Message,
  emoji: string | undefined,
): WireMap => {
  const { world, pushes, connection, account } = call
  if (message.reactions[account.id] !== emoji) {
    if (emoji === undefined) delete message.reactions[account.id]
    else message.reactions[account.id] = emoji
    world.saveMessage(message)
    const place = { chatId: wireId(state.chat.id), messageId: wireMessageId(message.id) }
    pushes.toOthers(state, account.id, Opcode.NOTIF_MSG_REACTIONS_CHANGED, {
      ...place,
      ...renderReactions(message),
    })
    const mine = { ...place, reactionInfo: renderReactions(message, account.id) }
    pushes.toAccount(account.id, Opcode.NOTIF_MSG_YOU_REACTED, mine, connection)
  }
  return { reactionInfo: renderReactions(message, account.id) }
}
