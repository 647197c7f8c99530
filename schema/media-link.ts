import { GatewayError } from './errors.ts'
import type { IdValue } from './ids.ts'
import {
  attachesOf,
  chooseVideo,
  type DownloadKind,
  failoverHosts,
  mediumId,
  mediumType,
} from './media.ts'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import { asMaps, asNumber, asString, type WireMap, wireId, wireMessageId } from './wire.ts'

/** What a link is found by: questions to MAX. */
type Max = Pick<SessionPort, 'call'>

/** A link that MAX gave for an attachment of a message. */
export interface MediaLink {
  url: string
  /** Hosts that MAX names for this one, should the first not answer. */
  failoverHosts: string[]
  name?: string
  sizeBytes?: number
  quality?: string
}

export interface LinkInput {
  kind: DownloadKind
  chatId: IdValue
  messageId: string
  index: number
  id?: IdValue | undefined
  quality?: number | undefined
  /** The link that MAX gave before did not work. */
  refresh?: boolean
}
/**
 * A link to the content of an attachment.
 * @throws {GatewayError} NOT_FOUND when there is no such message or attachment
 */
export const findLink = async (session: Max, input: LinkInput): Promise<MediaLink> => {
  const place = placeOf(input)
  const { messages } = await session.call(Opcode.MSG_GET, {
    chatId: place.chatId,
    messageIds: [place.messageId],
  })
  const message = asMaps(messages)[0]
  if (message === undefined) throw new GatewayError('NOT_FOUND', 'there is no such message')
  return linkOfAttach(session, input, pick(attachesOf(message, input.kind), input))
}

/**
 * The same for an attachment that is at hand, as it came in a message not long ago.
 * @throws {GatewayError} NOT_FOUND when MAX gives no link
 */
export const linkOfAttach = async (
  session: Max,
  input: Pick<LinkInput, 'chatId' | 'messageId' | 'quality' | 'refresh'>,
  attach: WireMap,
): Promise<MediaLink> => {
  const link = await linkOf(session, placeOf(input), attach, input)
  const name = asString(attach.name)
  const sizeBytes = asNumber(attach.size)
  return {
    ...link,
    ...(name !== undefined && { name }),
    ...(sizeBytes !== undefined && { sizeBytes }),
  }
}

const placeOf = ({ chatId, messageId }: Pick<LinkInput, 'chatId' | 'messageId'>): WireMap => ({
  chatId: wireId(chatId),
  messageId: wireMessageId(messageId),
})

const pick = (attaches: WireMap[], { id, index, kind }: LinkInput): WireMap => {
  const attach =
    id === undefined ? attaches[index] : attaches.find((one) => mediumId(one) === String(id))
  if (attach === undefined) {
    throw new GatewayError('NOT_FOUND', `the message has no such ${kind}`, {
      details: { attachments: attaches.length },
    })
  }
  return attach
}

const linkOf = async (
  session: Max,
  place: WireMap,
  attach: WireMap,
  { quality, refresh }: Pick<LinkInput, 'quality' | 'refresh'>,
): Promise<MediaLink> => {
  const id = wireId(mediumId(attach) ?? 0)
  switch (mediumType(attach)) {
    case 'PHOTO': {
      const photo = refresh ? await refreshed(session, attach) : attach
      return given(asString(photo.baseUrl))
    }
    case 'FILE': {
      const answer = await session.call(Opcode.FILE_DOWNLOAD, { ...place, fileId: id })
      return given(asString(answer.url))
    }
    case 'AUDIO': {
      const known = asString(attach.url)
      if (known !== undefined && !refresh) return given(known)
      const token = asString(attach.token)
      const answer = await session.call(Opcode.AUDIO_PLAY, { ...place, audioId: id, token })
      return given(asString(answer.opus) ?? asString(answer.m4a) ?? asString(answer.mp3))
    }
    default: {
      const token = asString(attach.token)
      const answer = await session.call(Opcode.VIDEO_PLAY, { ...place, videoId: id, token })
      const chosen = chooseVideo(answer, quality)
      return {
        ...given(chosen?.url),
        failoverHosts: failoverHosts(answer),
        ...(chosen && { quality: chosen.quality }),
      }
    }
  }
}

const refreshed = async (session: Max, photo: WireMap): Promise<WireMap> => {
  const { media } = await session.call(Opcode.PHOTO_URL_REFRESH, { media: [photo] })
  return asMaps(media)[0] ?? photo
}

const given = (url: string | undefined): MediaLink => {
  if (url === undefined) throw new GatewayError('NOT_FOUND', 'MAX gives no link to this attachment')
  return { url, failoverHosts: [] }
}
