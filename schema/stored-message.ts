import { GatewayError } from './errors.ts'
import type { IdValue } from './ids.ts'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import {
  asIdString,
  asMaps,
  isWireMap,
  type WireMap,
  type WireValue,
  wireId,
  wireMessageId,
} from './wire.ts'

/** Messages that MAX holds; those it does not know are left out (MSG_GET, §3.2). */
export const readMessages = async (
  session: SessionPort,
  chatId: IdValue,
  messageIds: readonly string[],
): Promise<WireMap[]> => {
  const reply = await session.call(Opcode.MSG_GET, {
    chatId: wireId(chatId),
    messageIds: messageIds.map(wireMessageId),
  })
  return asMaps(reply.messages)
}

/** @throws {GatewayError} NOT_FOUND when MAX has no such message. */
export const readMessage = async (
  session: SessionPort,
  chatId: IdValue,
  messageId: string,
): Promise<WireMap> => {
  const messages = await readMessages(session, chatId, [messageId])
  const message = messages.find(({ id }) => asIdString(id) === messageId)
  if (message === undefined) {
    throw new GatewayError('NOT_FOUND', 'MAX has no such message in this chat', {
      field: 'messageId',
    })
  }
  return message
}

/** The first attachment of a kind, e.g. the poll of a message. */
export const attachOf = (message: WireMap, ...types: string[]): WireMap | undefined =>
  asMaps(message.attaches).find(({ _type }) => types.includes(String(_type)))

/**
 * An attachment that goes back to MAX, from MAX itself or from JSON: its ids in 64 bits, whatever form
 * they came in (operations-and-events.md §1.2), the rest unchanged.
 */
export const wireAttach = (attach: { [key: string]: unknown }): WireMap =>
  Object.fromEntries(Object.entries(attach).map(([key, value]) => [key, wireField(key, value)]))

const wireField = (key: string, value: unknown): WireValue => {
  if (Array.isArray(value)) return value.map((item) => wireField(key.replace(/Ids$/, 'Id'), item))
  if (isWireMap(value)) return wireAttach(value)
  // An answer of a poll has a small plain number, which MAX wants as it is.
  const isId = key.endsWith('Id') && key !== 'answerId'
  const digits = isId ? asIdString(value as WireValue) : undefined
  const fits = digits !== undefined && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits)
  return fits ? wireId(digits) : (value as WireValue)
}
