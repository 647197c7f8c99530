import { updateProfile } from './account-profile.ts'
import { updateChat } from './chats.ts'
import { GatewayError } from './errors.ts'
import type { IdValue } from './ids.ts'
import { type MediaKind, mediaRules } from './media.ts'
import { findLink } from './media-link.ts'
import {
  composeText,
  outgoingMessage,
  publicSent,
  type SendInput,
  type TextInput,
} from './message-input.ts'
import { resolveChat } from './model.ts'
import type { SessionPort } from './session-port.ts'
import type { Step } from './steps.ts'
import { asIdString, asMap, asMaps, asString, type WireMap, wireId } from './wire.ts'

/**
 * What the edge asks the session for on the way of media. The bytes themselves never pass through the
 * session's object: a response body that is read there to its end can take the socket to MAX down with
 * it (workerd issue 6774).
 */

/** Where one file goes. */
export interface MediaSlot {
  url: string
  /** Of a photo: the key under which the answer to the upload has its token. */
  slotKey?: string
  id?: IdValue
  token?: string
}

/** A file that MAX has. */
export interface Uploaded {
  kind: MediaKind
  id?: IdValue
  token?: string
  /** Base64, from the answer to the upload of a round video. */
  thumbhash?: string
  durationMs?: number
  /** 80 loudness values, 0 to 127. */
  wave?: number[]
}

/** A message with media but for what is different each time it is uploaded: what a key stands for. */
export interface MediaRequest extends TextInput, SendInput {
  operation: string
  chatId?: IdValue | undefined
  phone?: string | undefined
  userId?: IdValue | undefined
  /** Names and first bytes of the files. */
  files: string[]
}

export type MediaStep = 'media.slot' | 'media.send' | 'media.link' | 'media.photo' | 'media.storage'

/** How long a caller waits for MAX to process what was uploaded. */
const PATIENCE_MS = 90_000

export interface SlotInput {
  kind: MediaKind
  /** For the account's own photo. */
  profile?: boolean
  /** The message this is for; a key that has an answer for it needs no slot. */
  request?: MediaRequest
}
export interface SendMediaInput {
  request: MediaRequest
  uploads: Uploaded[]
}
export interface PhotoInput {
  /** A group or channel; absent = the account itself. */
  chatId?: IdValue | undefined
  photoToken: string
}
const slotStep: Step<SlotInput> = {
  online: true,
  reads: true,
  recalls: 'media.send',
  standsFor: ({ request }) => request,
  run: async (session, { kind, profile }): Promise<MediaSlot> => {
    const { opcode, payload } = mediaRules[kind].slot
    const answer = await session.call(opcode, { ...payload, ...(profile && { profile }) })
    const info = kind === 'image' ? answer : asMap(asMaps(answer.info)[0])
    const url = asString(info.url)
    if (url === undefined) throw new GatewayError('BAD_UPSTREAM', 'MAX gave no place to upload to')
    if (kind === 'image') {
      const slotKey = new URL(url).searchParams.get('photoIds')
      return { url, ...(slotKey && { slotKey }) }
    }
    const id = asIdString(info.fileId ?? info.audioId ?? info.videoId)
    if (id === undefined) throw new GatewayError('BAD_UPSTREAM', 'MAX gave no id for the upload')
    const token = asString(info.token)
    return { url, id: BigInt(id), ...(token !== undefined && { token }) }
  },
}

const sendStep: Step<SendMediaInput> = {
  online: true,
  creates: true,
  respondsAsync: true,
  standsFor: ({ request }) => request,
  run: async (session, { request, uploads }) => {
    const content = composeText(request, 'caption')
    const chatId = await resolveChat(session, request)
    const message = outgoingMessage(chatId, request, {
      ...content,
      attaches: uploads.map(attachOf),
    })
    const awaits = uploads.flatMap(({ kind, id }) => readinessOf(kind, id))
    return publicSent(await session.send(message, { awaits, patienceMs: PATIENCE_MS }))
  },
}

/** An attachment as it is sent (§2.4). */
const attachOf = ({ kind, id = 0, token, ...facts }: Uploaded): WireMap => {
  switch (kind) {
    case 'image':
      return { _type: 'PHOTO', photoToken: token }
    case 'video':
      return { _type: 'VIDEO', videoId: wireId(id), token, videoType: 0 }
    case 'videonote':
      return {
        _type: 'VIDEO',
        videoId: wireId(id),
        token,
        videoType: 1,
        duration: facts.durationMs,
        thumbhash: facts.thumbhash === undefined ? undefined : bytesOf(facts.thumbhash),
      }
    case 'voice':
      return {
        _type: 'AUDIO',
        audioId: wireId(id),
        token,
        duration: facts.durationMs,
        wave: Uint8Array.from(facts.wave ?? new Array<number>(80).fill(32)),
      }
    case 'audio':
    case 'document':
      return { _type: 'FILE', fileId: wireId(id) }
  }
}

/** Photos need no processing; of a voice message MAX may say nothing (§4.6). */
const readinessOf = (kind: MediaKind, id: IdValue | undefined): string[] => {
  if (kind === 'image' || kind === 'voice') return []
  return [`${kind === 'video' || kind === 'videonote' ? 'video' : 'file'}:${id}`]
}

/** MAX leaves the padding out. */
const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))

/** Of a chat, or of the account itself, whose name has to go with every change. */
const setPhoto = async (
  session: SessionPort,
  { chatId, photoToken }: PhotoInput,
): Promise<object> => {
  if (chatId !== undefined) {
    const chat = await updateChat(session, chatId, { photoToken })
    return { message: 'Photo updated', chat }
  }
  return updateProfile(session, { photoToken, avatarType: 'USER_AVATAR' })
}

export const mediaSteps: Record<MediaStep, Step<never>> = {
  'media.slot': slotStep,
  'media.send': sendStep,
  'media.photo': { online: true, run: setPhoto },
  'media.link': { online: true, reads: true, run: findLink },
  'media.storage': { reads: true, run: async ({ storage }) => storage.current },
}
