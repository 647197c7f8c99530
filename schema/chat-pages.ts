import { z } from 'zod'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import { asIdString, asMaps, asNumber, type WireMap } from './wire.ts'

/**
 * Where a walk through the chat list stands. CHATS_LIST gives chats with `lastEventTime < marker`
 * (operations-and-events.md §3.6), so chats that share a millisecond would get lost between two pages:
 * the cursor asks for that millisecond again and names what was given of it. (What no client can get
 * are chats of one millisecond beyond what fills a page of MAX's own.)
 */
interface Place {
  /** Unix ms of the last chat given. */
  time: number
  /** Chats of that time that were given. */
  given: string[]
}

export const chatCursorInput = z
  .string()
  .max(2_000)
  .regex(/^\d{1,15}(~-?\d{1,20})*$/, 'expected the nextCursor of an earlier answer')
  .describe('`nextCursor` of the page before')

const parse = (cursor: string): Place => {
  const [time, ...given] = cursor.split('~')
  return { time: Number(time), given }
}
const format = ({ time, given }: Place): string => [time, ...given].join('~')

const DAY_MS = 86_400_000

export interface ChatPage {
  chats: WireMap[]
  /** `null` when the list is at its end. */
  nextCursor: string | null
}

/**
 * Up to `limit` chats that `isWanted`, newest first. Asks MAX `maxRequests` times at most, so a page
 * with a filter may be short and still have a next one.
 */
export const pageOfChats = async (
  session: SessionPort,
  options: {
    cursor?: string | undefined
    limit: number
    maxRequests: number
    isWanted?: (chat: WireMap) => boolean
  },
): Promise<ChatPage> => {
  const { cursor, limit, maxRequests, isWanted = () => true } = options
  // Tomorrow: MAX's clock may be ahead of ours.
  let place: Place = cursor ? parse(cursor) : { time: session.now() + DAY_MS, given: [] }
  const chats: WireMap[] = []
  const seen = new Set(place.given)
  // Whether the millisecond of the place is asked for again, or everything before it.
  let again = true
  for (let request = 0; request < maxRequests; request += 1) {
    const marker = again ? place.time + 1 : place.time
    const reply = await session.call(Opcode.CHATS_LIST, { marker })
    const fresh = asMaps(reply.chats).filter((chat) => !seen.has(asIdString(chat.id) ?? ''))
    if (fresh.length === 0 && !again) return { chats, nextCursor: null }
    again = fresh.length > 0
    for (const chat of fresh) {
      if (chats.length === limit) return { chats, nextCursor: format(place) }
      place = after(place, chat, reply)
      seen.add(asIdString(chat.id) ?? '')
      if (isWanted(chat)) chats.push(chat)
    }
  }
  return { chats, nextCursor: format(place) }
}

/** The place behind a chat. A chat without a time counts as old as its page is. */
const after = (place: Place, chat: WireMap, reply: WireMap): Place => {
  const time = asNumber(chat.lastEventTime) ?? asNumber(reply.marker) ?? place.time
  const id = asIdString(chat.id) ?? ''
  if (time >= place.time) return { time: place.time, given: [...place.given, id] }
  return { time, given: [id] }
}
