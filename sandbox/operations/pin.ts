import type { WireMap } from '../../schema/wire.ts'
import { chatNotFound, Refusal } from '../refusal.ts'
import { may, memberMay, noAccess } from '../rights.ts'
import { announce } from '../service-message.ts'
import type { ChatState } from '../world.ts'
import { ownMessage } from './messages.ts'
import type { OnlineCall } from './operation.ts'

/** Dialogs have no pin; MAX says so in two ways (operations-and-events.md §3.4). */
export const refusePin = ({ fields }: OnlineCall): Refusal =>
  fields.messageId('pinMessageId') === 0n
    ? chatNotFound()
    : new Refusal('not.found', 'Pins are for groups and channels')

/** Pins a message in the place of the one before; the id 0 takes it down. */
export const changePin = (call: OnlineCall, state: ChatState): void => {
  const { world, account, fields } = call
  const { chat } = state
  const id = fields.messageId('pinMessageId')
  const tells = fields.optional('notifyPin', (map, key) => map.boolean(key)) ?? false
  const isReserved = chat.options.ALL_CAN_PIN_MESSAGE !== true
  if (!memberMay(state, isReserved) && !may(state, account.id, 'pinMessages')) throw noAccess()
  if (id === 0n) {
    delete chat.pinnedId
    return
  }
  const message = ownMessage(call, state, id)
  chat.pinnedId = id
  for (const member of state.members.values()) {
    if (member.hidesPin === undefined) continue
    delete member.hidesPin
    world.saveMember(member)
  }
  const pinnedMessage: WireMap = { id, sender: message.senderId, text: message.text }
  if (tells) announce(call, state, { event: 'pin', pinnedMessage })
}
