import { Opcode } from '../../schema/opcodes.ts'
import {
  asMap,
  isWireMap,
  type WireMap,
  wireId,
  wireMessageId,
  wireTime,
} from '../../schema/wire.ts'
import { sharePreview } from '../cards.ts'
import type { Message } from '../records.ts'
import { Refusal } from '../refusal.ts'
import type { ChatState } from '../world.ts'
import { ownChat } from './chats.ts'
import { ownMessage } from './messages.ts'
import type { OnlineCall } from './operation.ts'

/** 70 */
export const sharePreviews = ({ fields }: OnlineCall): WireMap => {
  const url = /https?:\/\/\S+/.exec(fields.string('text'))?.[0]
  const preview = url === undefined ? undefined : sharePreview(url)
  return { attachments: preview ? [preview] : [] }
}

/** 202: the first asker waits for the push (293), whoever asks later gets the text at once. */
export const transcribe = (call: OnlineCall): WireMap => {
  const { world, pushes, account, fields } = call
  const { state } = ownChat(call)
  const message = ownMessage(call, state, fields.messageId('messageId'))
  const mediaId = fields.integer('mediaId')
  const media = message.attaches.find(
    ({ audioId, videoId }) => audioId === mediaId || videoId === mediaId,
  )
  if (media === undefined) throw new Refusal('not.found', 'No such media')
  if (typeof media.transcription === 'string') {
    return { transcription: media.transcription, transcriptionStatus: 'SUCCESS' }
  }
  media.transcription = `Words of ${mediaId}`
  media.transcriptionStatus = 'SUCCESS'
  world.saveMessage(message)
  pushes.toAccount(account.id, Opcode.NOTIF_TRANSCRIPTION, {
    chatId: wireId(state.chat.id),
    messageId: wireMessageId(message.id),
    mediaId: wireId(mediaId),
    transcription: media.transcription,
    transcriptionStatus: 'SUCCESS',
  })
  return { transcriptionStatus: 'PROCESSING' }
}

/** 118: the keyboard is found by its callback id; the bot answers with a toast (143). */
export const pressButton = (call: OnlineCall): WireMap => {
  const { pushes, account, fields } = call
  const callbackId = fields.string('callbackId')
  if (fields.string('type') !== 'CALLBACK') throw new Refusal('proto.payload', "'type' unknown")
  const payload = fields.optional('payload', (map, key) => map.string(key))
  fields.integer('timestamp', { min: 1 })
  const keyboard = findKeyboard(call, callbackId)
  const button = keyboard?.buttons.find(
    (candidate) => candidate.type === 'CALLBACK' && candidate.payload === payload,
  )
  if (keyboard === undefined || button === undefined) {
    throw new Refusal('callback.not.found', 'No such button')
  }
  const { state } = keyboard
  pushes.toAccount(account.id, Opcode.NOTIF_CALLBACK_ANSWER, {
    chatId: wireId(state.chat.id),
    text: String(button.text),
  })
  const member = state.members.get(account.id)
  return { success: true, unread: member?.unread ?? 0, mark: wireTime(member?.readMark ?? 0) }
}

interface Keyboard {
  state: ChatState
  message: Message
  buttons: WireMap[]
}

const findKeyboard = ({ world, account }: OnlineCall, callbackId: string): Keyboard | undefined => {
  for (const state of world.chatsOf(account.id)) {
    for (const message of state.messages) {
      const attach = message.attaches.find((candidate) => candidate.callbackId === callbackId)
      if (attach === undefined) continue
      const rows = asMap(attach.keyboard).buttons
      return { state, message, buttons: Array.isArray(rows) ? rows.flat().filter(isWireMap) : [] }
    }
  }
  return undefined
}
