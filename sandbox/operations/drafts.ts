import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Account, Draft } from '../records.ts'
import { chatNotFound, malformed, Refusal } from '../refusal.ts'
import type { ChatState, World } from '../world.ts'
import type { OnlineCall } from './operation.ts'

/** Drafts: one per account and chat, told to the account's other sessions (152, 153). */

/** 176 */
export const saveDraft = (call: OnlineCall): WireMap => {
  const state = draftedChat(call)
  const draft = call.fields.map('draft')
  if (draft.isEmpty) throw malformed("'draft' is empty")
  draft.optional('text', (map, key) => map.string(key))
  draft.optional('elements', (map, key) => map.maps(key))
  draft.optional('attaches', (map, key) => map.maps(key))
  const { world } = call
  const kept = { time: world.stamp(), draft: call.fields.raw('draft') as WireMap }
  keep(call, state, kept)
  push(call, state, Opcode.NOTIF_DRAFT, { time: wireTime(kept.time), draft: kept.draft })
  return { time: wireTime(kept.time) }
}

/** 177: `time` says which draft is meant; a newer one stays. */
export const discardDraft = (call: OnlineCall): null => {
  const state = draftedChat(call)
  const time = call.fields.integer('time', { min: 0 })
  const known = call.account.drafts?.[state.chat.key]
  if (known?.draft === undefined || known.time > time) return null
  keep(call, state, { time: call.world.stamp() })
  push(call, state, Opcode.NOTIF_DRAFT_DISCARD, { time: wireTime(time) })
  return null
}

/** The drafts of LOGIN: those that changed since the marker. */
export const renderDrafts = (world: World, account: Account, since: number): WireMap => {
  const saved: WireMap = {}
  const discarded: WireMap = {}
  for (const [key, { time, draft }] of Object.entries(account.drafts ?? {})) {
    const state = world.chatByKey(key)
    if (state === undefined || (since > 0 && time <= since)) continue
    if (draft === undefined) discarded[state.chat.id] = wireTime(time)
    else saved[state.chat.id] = { draft, time: wireTime(time) }
  }
  return { chats: { saved, discarded }, users: { saved: {}, discarded: {} } }
}

/** By chat, or by the person of a dialog that may not exist yet. */
const draftedChat = ({ world, account, fields }: OnlineCall): ChatState => {
  if (!fields.has('chatId')) {
    const other = world.accounts.get(fields.integer('userId'))
    if (!other) throw new Refusal('user.not.found', 'User not found')
    return world.dialog(account.id, other.id)
  }
  const state = world.chat(account.id, fields.integer('chatId'))
  if (!state?.members.has(account.id)) throw chatNotFound()
  return state
}

const keep = ({ world, account }: OnlineCall, state: ChatState, draft: Draft): void => {
  account.drafts = { ...account.drafts, [state.chat.key]: draft }
  world.saveAccount(account)
}

const push = (call: OnlineCall, state: ChatState, opcode: number, change: WireMap): void => {
  const { pushes, connection, account } = call
  const place = { chatId: wireId(state.chat.id), userId: wireId(account.id) }
  pushes.toAccount(account.id, opcode, { ...place, ...change }, connection)
}
