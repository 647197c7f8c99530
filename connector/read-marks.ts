import { Opcode } from '../schema/opcodes.ts'
import { asIdString, asMap, asMaps, asNumber, type Frame, type WireMap } from '../schema/wire.ts'

/** A chat, and the time up to which somebody else has read it. */
export type ReadMark = [chatId: string, mark: number]

/** What a read receipt says of our own messages; nothing when it is our own or takes reading back. */
export const markOfPush = (push: Frame, ownId: number): ReadMark | undefined => {
  if (push.opcode !== Opcode.NOTIF_MARK) return undefined
  const { chatId, userId, mark, setAsUnread } = asMap(push.payload)
  const chat = asIdString(chatId)
  const time = asNumber(mark)
  if (chat === undefined || time === undefined || setAsUnread === true) return undefined
  return asNumber(userId) === ownId ? undefined : [chat, time]
}

/** The same from the chats of a LOGIN answer, whose `participants` are read marks by user. */
export const marksOfChats = (reply: WireMap, ownId: number): ReadMark[] =>
  asMaps(reply.chats).flatMap((chat): ReadMark[] => {
    const chatId = asIdString(chat.id)
    const marks = Object.entries(asMap(chat.participants))
      .filter(([userId]) => userId !== String(ownId))
      .map(([, mark]) => asNumber(mark) ?? 0)
    const newest = Math.max(0, ...marks)
    return chatId === undefined || newest === 0 ? [] : [[chatId, newest]]
  })
