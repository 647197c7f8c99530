import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireId, wireMessageId, wireTime } from '../../schema/wire.ts'
import type { Delayed } from '../delayed.ts'
import type { Fields } from '../fields.ts'
import type { Pushes } from '../pushes.ts'
import { dialogId, type Message } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import { renderMessage } from '../render.ts'
import { may } from '../rights.ts'
import type { ChatState, World } from '../world.ts'
import { hasBlocked } from './contacts.ts'
import type { OnlineCall } from './operation.ts'

/** `updateTypeId` of 154; only the field is known, not its values. */
const Change = { added: 0, changed: 1, removed: 2, failed: 3 } as const

/** `delayedAttributes` of 64 and 67 (operations-and-events.md §3.1). */
export const readDelay = (world: World, attributes: Fields) => {
  const fireAt = attributes.integer('timeToFire', { min: 0 })
  const notifySender = attributes.optional('notifySender', (map, key) => map.boolean(key)) ?? true
  if (fireAt <= world.now) throw new Refusal('error.message.invalid', 'The time has passed')
  return { fireAt, notifySender }
}

/** 64 with `delayedAttributes`. Whether MAX notices a repeated `cid` here is not known: we do not. */
export const enqueue = (
  call: OnlineCall,
  state: ChatState,
  message: Message,
  delay: { fireAt: number; notifySender: boolean },
): WireMap => {
  const delayed: Delayed = { message, ...delay }
  call.world.delayed.save(delayed)
  tell(call.world, call.pushes, state, { delayed, change: Change.added, acting: call.connection })
  return renderDelayed(state, delayed)
}

/** 49 with `itemType: DELAYED`: the author's own queue in a chat. */
export const delayedWindow = ({ world, account }: OnlineCall, state: ChatState, limit: number) =>
  world.delayed
    .of(account.id, state.chat.key)
    .slice(0, limit)
    .map((delayed) => renderDelayed(state, delayed))

/** 67 with `delayedAttributes`, once the message itself is changed. */
export const requeue = (
  { world, pushes, connection }: OnlineCall,
  state: ChatState,
  delayed: Delayed,
  delay: { fireAt: number; notifySender: boolean },
): WireMap => {
  Object.assign(delayed, delay)
  delete delayed.failed
  world.delayed.save(delayed)
  tell(world, pushes, state, { delayed, change: Change.changed, acting: connection })
  return renderDelayed(state, delayed)
}

/** 66 with `itemType: DELAYED`. */
export const unqueue = (call: OnlineCall, state: ChatState, ids: bigint[]): null => {
  const { world, pushes, connection, account } = call
  const found = ids.flatMap((id) => world.delayed.find(account.id, id) ?? [])
  if (found.length === 0) throw new Refusal('not.found', 'Message not found')
  for (const delayed of found) {
    world.delayed.remove(delayed)
    tell(world, pushes, state, { delayed, change: Change.removed, acting: connection })
  }
  return null
}

/** Sends what is due: to everybody, its author included (§6.3). */
export const fireDelayed = (world: World, pushes: Pushes): void => {
  for (const delayed of world.delayed.due(world.now)) {
    const state = world.chatByKey(delayed.message.chatKey)
    if (state === undefined) {
      world.delayed.remove(delayed)
    } else if (mayStillSend(world, state, delayed.message.senderId)) {
      const { hiddenFor: _hiddenFor, ...content } = delayed.message
      const message: Message = { ...content, hiddenFor: [], id: world.nextMessageId() }
      world.delayed.remove(delayed)
      world.addMessage(state, message)
      pushes.message(state, message, {})
      tell(world, pushes, state, { delayed, change: Change.removed })
    } else {
      delayed.failed = true
      world.delayed.save(delayed)
      tell(world, pushes, state, { delayed, change: Change.failed })
    }
  }
}

const mayStillSend = (world: World, state: ChatState, userId: number): boolean => {
  const { chat } = state
  if (!state.members.has(userId)) return false
  if (chat.type === 'CHANNEL') return may(state, userId, 'postMessages')
  if (chat.type !== 'DIALOG') return true
  const author = world.accounts.get(userId)
  const other = world.accounts.get(dialogId(chat.id, userId))
  return author !== undefined && !hasBlocked(other, author)
}

/** 154 to the author's sessions. */
const tell = (
  world: World,
  pushes: Pushes,
  state: ChatState,
  {
    delayed,
    change,
    acting,
  }: {
    delayed: Delayed
    change: (typeof Change)[keyof typeof Change]
    acting?: OnlineCall['connection']
  },
): void => {
  const { message } = delayed
  const isGone = change === Change.removed
  pushes.toAccount(
    message.senderId,
    Opcode.NOTIF_MSG_DELAYED,
    {
      chatId: wireId(state.chat.id),
      userId: wireId(message.senderId),
      message: isGone ? undefined : renderDelayed(state, delayed),
      messageIds: isGone ? [wireMessageId(message.id)] : undefined,
      updateTypeId: change,
      lastDelayedUpdateTime: wireTime(world.now),
    },
    acting,
  )
}

const renderDelayed = (state: ChatState, delayed: Delayed): WireMap => ({
  ...renderMessage(state, delayed.message, delayed.message.senderId),
  status: delayed.failed ? 'DELAYED_FIRE_ERROR' : undefined,
  delayedAttributes: {
    timeToFire: wireTime(delayed.fireAt),
    notifySender: delayed.notifySender,
    notifyOpponents: true,
  },
})

/** `itemType` of a request: whether it means the queue. */
export const meansDelayed = (fields: Fields): boolean => {
  const itemType = fields.optional('itemType', (map, key) => map.string(key)) ?? 'REGULAR'
  if (itemType !== 'REGULAR' && itemType !== 'DELAYED') throw malformed("'itemType' unknown")
  return itemType === 'DELAYED'
}
