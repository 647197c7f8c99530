import { z } from 'zod'
import { publicValue } from '../ids.ts'
import { ChatModel } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asMaps, asNumber, type WireMap } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** Pages through CHATS_LIST (§3.6: newest first, `marker` = time of the oldest) with a bound. */
const allChats = async (session: SessionPort): Promise<WireMap[]> => {
  const seen = new Map<string, WireMap>()
  let marker = session.now() + 1
  for (let page = 0; page < 20; page += 1) {
    const reply = await session.call(Opcode.CHATS_LIST, { marker })
    const chats = asMaps(reply.chats)
    const before = seen.size
    for (const chat of chats) seen.set(String(chat.id), chat)
    const next = asNumber(reply.marker)
    if (seen.size === before || next === undefined || next <= 0 || next >= marker) break
    marker = next
  }
  return [...seen.values()]
}

export const groupOperations = {
  listGroups: operation({
    method: 'GET',
    path: '/group/list',
    scope: 'tenant',
    summary: 'Groups and channels of the account',
    online: true,
    input: z.object({}),
    output: z.looseObject({ groups: z.array(ChatModel), channels: z.array(ChatModel) }),
    errors: maxErrors,
    run: async (session) => {
      const chats = await allChats(session)
      const ofType = (type: string) =>
        chats.filter((chat) => chat.type === type).map((chat) => publicValue(chat))
      return { groups: ofType('CHAT'), channels: ofType('CHANNEL') }
    },
  }),
}
