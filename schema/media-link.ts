import { GatewayError } from './errors.ts'
import type { IdValue } from './ids.ts'
import { attachesOf, chooseVideo, type DownloadKind, failoverHosts, idField } from './media.ts'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import {
  asIdString,
  asMaps,
  asNumber,
  asString,
  type WireMap,
  wireId,
  wireMessageId,
} from './wire.ts'

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
export const findLink = async (session: SessionPort, input: LinkInput): Promise<MediaLink> => {
  const place = { chatId: wireId(input.chatId), messageId: wireMessageId(input.messageId) }
  const { messages } = await session.call(Opcode.MSG_GET, {
    chatId: place.chatId,
    messageIds: [place.messageId],
  })
  const message = asMaps(messages)[0]
  if (message === undefined) throw new GatewayError('NOT_FOUND', 'there is no such message')
  const attach = pick(attachesOf(message, input.kind), input)
  const link = await linkOf(session, place, attach, input)
  const name = asString(attach.name)
  const sizeBytes = asNumber(attach.size)
  return {
    ...link,
    ...(name !== undefined && { name }),
    ...(sizeBytes !== undefined && { sizeBytes }),
  }
}

const pick = (attaches: WireMap[], { id, index, kind }: LinkInput): WireMap => {
  const attach =
    id === undefined
      ? attaches[index]
      : attaches.find((one) => asIdString(one[idField[String(one._type)] ?? '']) === String(id))
  if (attach === undefined) {
    throw new GatewayError('NOT_FOUND', `the message has no such ${kind}`, {
      details: { attachments: attaches.length },
    })
  }
  return attach
}

const linkOf = async (
  session: SessionPort,
  place: WireMap,
  attach: WireMap,
  { quality, refresh }: LinkInput,
): Promise<MediaLink> => {
  const id = wireId(asIdString(attach[idField[String(attach._type)] ?? '']) ?? 0)
  switch (attach._type) {
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

const refreshed = async (session: SessionPort, photo: WireMap): Promise<WireMap> => {
  const { media } = await session.call(Opcode.PHOTO_URL_REFRESH, { media: [photo] })
  return asMaps(media)[0] ?? photo
}

const given = (url: string | undefined): MediaLink => {
  if (url === undefined) throw new GatewayError('NOT_FOUND', 'MAX gives no link to this attachment')
  return { url, failoverHosts: [] }
}
