import { expect } from 'vitest'
import { Opcode } from '../../schema/opcodes.ts'
import { asMap, type WireMap, wireMessageId } from '../../schema/wire.ts'
import { TestLine } from '../sandbox/line.ts'
import { settle } from './fake-clock.ts'
import { createLive, type EventBody } from './live.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

type Options = Parameters<typeof createLive>[0]

/** A tenant with a friend who acts by a client of their own, `line`. MAX repeats nothing by itself. */
export const meet = async (options: Options = {}) => {
  const rig = createLive({ ...options, settings: { resendUnacked: false, ...options?.settings } })
  const { live, me, friend, chatId } = await rig.online()
  const line = new TestLine(rig.sim)
  line.login(rig.sim.direct.issueToken(friend.id).token)
  await rig.clock.advance(HOUR)
  let cid = 1
  const write = (text: string, to = chatId): string => {
    const message = { cid: cid++, text, elements: [], attaches: [] }
    const reply = line.call(Opcode.MSG_SEND, { chatId: to, message, notify: true })
    return String(asMap(reply.message).id)
  }
  const edit = (messageId: string, text: string, of = chatId): WireMap =>
    line.call(Opcode.MSG_EDIT, {
      ...{ chatId: of, messageId: wireMessageId(messageId), text },
      ...{ elements: [], attachments: [] },
    })
  const remove = (messageIds: string[], of = chatId): WireMap =>
    line.call(Opcode.MSG_DELETE, {
      ...{ chatId: of, messageIds: messageIds.map(wireMessageId), forMe: false },
    })
  const goOffline = async (): Promise<void> => {
    rig.world.refuseDials = true
    rig.sim.direct.close(me.id)
    await settle()
  }
  const comeBack = async (session = live): Promise<void> => {
    rig.world.refuseDials = false
    await rig.pass(session, 7 * MINUTE)
    expect(session.status().state).toBe('online')
  }
  /** The event log, in its order. */
  const logged = () =>
    rig.sql
      .all('SELECT body FROM events ORDER BY sequence')
      .map((row) => JSON.parse(String(row.body)) as EventBody)
  /** Every event once: a crash repeats deliveries, under the same id. */
  const bodies = () => [...new Map(rig.bodies().map((body) => [body.id, body])).values()]
  /** Type and text of what was told about chats. */
  const told = () =>
    bodies()
      .filter(({ chatId: chat }) => chat !== undefined)
      .map(({ type, event, catchUp }) => [type, event?.message?.text, catchUp === true])
  const summary = (): EventBody | undefined =>
    rig.bodies().findLast(({ type }) => type === 'HistorySync')
  return {
    ...rig,
    live,
    me,
    friend,
    line,
    chatId,
    write,
    edit,
    remove,
    goOffline,
    comeBack,
    logged,
    told,
    summary,
  }
}
