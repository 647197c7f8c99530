import { GatewayError } from '../schema/errors.ts'
import { Opcode } from '../schema/opcodes.ts'
import {
  asIdString,
  asMap,
  asString,
  type Frame,
  type WireMap,
  wireId,
  wireMessageId,
} from '../schema/wire.ts'
import type { Account } from './account.ts'
import type { CatchUp } from './catch-up.ts'
import type { Log } from './clock.ts'
import type { MaxConnection } from './connection.ts'
import type { EventLog } from './event-log.ts'
import type { Link } from './link.ts'
import type { PresenceWatch } from './presence-watch.ts'
import { markOfPush } from './read-marks.ts'
import type { Readiness } from './readiness.ts'
import type { Sends } from './sends.ts'

/** Whoever hears of pushes. */
export interface PushIntakeDeps {
  link: Pick<Link, 'redirect' | 'stop'>
  account: Account
  presence: PresenceWatch
  readiness: Readiness
  catchUp: CatchUp
  events: EventLog
  sends: Sends
  log: Log
}

/** Takes what MAX pushes: keeps what it tells, makes an event of it, and says that it has it. */
export const takePush = (push: Frame, connection: MaxConnection, deps: PushIntakeDeps): void => {
  const { link, account, presence, readiness, catchUp, events, sends, log } = deps
  const payload = asMap(push.payload)
  // Not acknowledged, so MAX may deliver it again.
  const failed = (error: unknown) =>
    log('error', 'a push could not be stored', { opcode: push.opcode, error: String(error) })
  try {
    switch (push.opcode) {
      case Opcode.RECONNECT:
        return link.redirect(asString(payload.redirectHost) || undefined)
      case Opcode.LOGOUT:
        return link.stop(new GatewayError('LOGIN_REQUIRED', 'MAX ended the session'))
      case Opcode.NOTIF_CONTACT:
        account.keepContact(payload.contact)
        break
      case Opcode.NOTIF_PROFILE:
        account.keepProfile(asMap(payload.profile))
        break
      case Opcode.NOTIF_CONFIG:
        account.keepConfig(payload.config)
        break
      case Opcode.NOTIF_PRESENCE:
        presence.noticed(payload.userId, payload.presence)
        break
      case Opcode.NOTIF_ATTACH:
        readiness.note(payload)
    }
    const stored = catchUp.holds(push) ? undefined : events.receive(push)
    const mark = markOfPush(push, account.userId)
    if (mark) sends.markRead(...mark)
    const done = () => acknowledge(connection, push, payload)
    if (stored === undefined) done()
    else stored.then(done).catch(failed)
  } catch (error) {
    failed(error)
  }
}

/** Tells MAX that a message, if it is one, is stored (wire-and-auth.md §4.4). */
const acknowledge = (connection: MaxConnection, push: Frame, payload: WireMap): void => {
  if (push.opcode !== Opcode.NOTIF_MESSAGE) return
  const chatId = asIdString(payload.chatId)
  const messageId = asIdString(asMap(payload.message).id)
  if (chatId === undefined || messageId === undefined) return
  connection.acknowledge(push, { chatId: wireId(chatId), messageId: wireMessageId(messageId) })
}
