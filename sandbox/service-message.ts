import type { WireMap } from '../schema/wire.ts'
import type { OnlineCall } from './operations/operation.ts'
import type { Message } from './records.ts'
import type { ChatState } from './world.ts'

/**
 * What happened to a chat, as an ordinary message with one CONTROL attach and no text
 * (operations-and-events.md §5.3). It goes to whoever is a member right now.
 */
export const announce = (call: OnlineCall, state: ChatState, control: WireMap): Message => {
  const { world, pushes, connection, account } = call
  const message: Message = {
    chatKey: state.chat.key,
    id: world.nextMessageId(),
    senderId: account.id,
    type: state.chat.type === 'CHANNEL' ? 'CHANNEL' : 'USER',
    text: '',
    elements: [],
    attaches: [{ _type: 'CONTROL', ...control }],
    reactions: {},
    hiddenFor: [],
  }
  world.addMessage(state, message)
  pushes.message(state, message, { acting: connection })
  return message
}
