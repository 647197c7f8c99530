import { z } from 'zod'
import { publicValue } from './ids.ts'
import { asMap, asMaps, asNumber, asString, type WireMap, type WireValue } from './wire.ts'

/** What an attachment is to a person; MAX's own word is its `_type` (operations-and-events.md §2.4). */
export const attachmentKinds = [
  'image',
  'video',
  'videoNote',
  'voice',
  'audio',
  'file',
  'sticker',
  'contact',
  'location',
  'share',
  'poll',
  'call',
  'keyboard',
  'unknown',
] as const
export type AttachmentKind = (typeof attachmentKinds)[number]

const id = z.union([z.number(), z.string()])

/** One attachment in the same form whatever its type. Fields that do not apply are missing. */
export const AttachmentModel = z
  .looseObject({
    index: z.number().describe('Place in the message’s `attaches`; a forward’s own are counted on'),
    kind: z.enum(attachmentKinds),
    id: id.optional().describe('photoId, videoId, audioId, fileId, stickerId, contactId or pollId'),
    name: z.string().optional().describe('File name, contact name or title'),
    size: z.number().optional().describe('Bytes'),
    width: z.number().optional(),
    height: z.number().optional(),
    durationMs: z.number().optional(),
    url: z.string().optional().describe('Only where MAX gives a link that opens by itself'),
    thumbnailUrl: z.string().optional(),
    text: z.string().optional().describe('Transcription, or description of a link'),
    phone: z.string().optional(),
    latitude: z.number().optional(),
    longitude: z.number().optional(),
    forwarded: z.literal(true).optional().describe('It belongs to the message that is forwarded'),
  })
  .meta({ id: 'Attachment' })
export type Attachment = z.output<typeof AttachmentModel>

const text = (value: WireValue): string | undefined => asString(value) || undefined
const publicId = (value: WireValue): number | string | undefined => {
  const known = publicValue(value)
  return typeof known === 'number' || typeof known === 'string' ? known : undefined
}

type Facts = Omit<Attachment, 'index' | 'kind'>
type Reader = (attach: WireMap) => { kind: AttachmentKind } & Facts

const voice: Reader = (attach) => ({
  // A voice message has a wave; anything else with an `audioId` is a recording of another kind.
  kind: attach.wave === undefined ? 'audio' : 'voice',
  id: publicId(attach.audioId),
  url: text(attach.url),
  durationMs: asNumber(attach.duration),
  text: text(attach.transcription),
})
const video: Reader = (attach) => ({
  kind: attach.videoType === 1 || attach._type === 'VIDEO_MSG' ? 'videoNote' : 'video',
  id: publicId(attach.videoId),
  width: asNumber(attach.width),
  height: asNumber(attach.height),
  durationMs: asNumber(attach.duration),
  thumbnailUrl: text(attach.thumbnail),
})
const keyboard: Reader = () => ({ kind: 'keyboard' })

const readers: Record<string, Reader> = {
  PHOTO: (attach) => ({
    kind: 'image',
    id: publicId(attach.photoId),
    url: text(attach.baseUrl),
    width: asNumber(attach.width),
    height: asNumber(attach.height),
  }),
  VIDEO: video,
  VIDEO_MSG: video,
  AUDIO: voice,
  FILE: (attach) => ({
    kind: 'file',
    id: publicId(attach.fileId),
    name: text(attach.name),
    size: asNumber(attach.size),
  }),
  STICKER: (attach) => ({
    kind: 'sticker',
    id: publicId(attach.stickerId),
    url: text(attach.url),
    width: asNumber(attach.width),
    height: asNumber(attach.height),
  }),
  CONTACT: (attach) => ({
    kind: 'contact',
    id: publicId(attach.contactId),
    name:
      text(attach.name) ??
      text([attach.firstName, attach.lastName].filter((part) => text(part)).join(' ')),
    phone: attach.phone === undefined ? undefined : String(publicValue(attach.phone)),
    url: text(attach.photoUrl),
  }),
  LOCATION: (attach) => ({
    kind: 'location',
    latitude: asNumber(attach.latitude),
    longitude: asNumber(attach.longitude),
  }),
  SHARE: (attach) => ({
    kind: 'share',
    id: publicId(attach.shareId),
    url: text(attach.url),
    name: text(attach.title),
    text: text(attach.description),
  }),
  POLL: (attach) => ({ kind: 'poll', id: publicId(attach.pollId), name: text(attach.title) }),
  CALL: (attach) => ({
    kind: 'call',
    id: publicId(attach.conversationId),
    durationMs: asNumber(attach.duration),
  }),
  INLINE_KEYBOARD: keyboard,
  REPLY_KEYBOARD: keyboard,
}

const readerOf = (attach: WireMap): Reader => {
  const type = asString(attach._type)
  // Seen in channels without its type; sent as UNSUPPORTED to clients that declare an old version (§2.4).
  if (type === undefined && attach.keyboard !== undefined) return keyboard
  if (type === 'UNSUPPORTED' && attach.audioId !== undefined) return voice
  return (
    (Object.hasOwn(readers, type ?? '') && readers[type ?? '']) || (() => ({ kind: 'unknown' }))
  )
}

/**
 * All attachments of a message, those of a forwarded one included. A CONTROL is none: a service
 * message has nothing attached.
 */
export const listAttachments = (message: WireMap): Attachment[] =>
  readAttaches(message).map(({ attachment }) => attachment)

/** The same, each beside what MAX sent of it. */
export const readAttaches = (message: WireMap): { attachment: Attachment; attach: WireMap }[] => {
  const link = asMap(message.link)
  const own = asMaps(message.attaches)
  const forwarded = link.type === 'FORWARD' ? asMaps(asMap(link.message).attaches) : []
  return [...own, ...forwarded].flatMap((attach, index) => {
    if (attach._type === 'CONTROL') return []
    const attachment = {
      index,
      ...defined(readerOf(attach)(attach)),
      ...(index < own.length ? {} : { forwarded: true as const }),
    }
    return [{ attachment, attach }]
  })
}

const defined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T

/** The original's fields about the first attachment that is a medium (rest/contract.md §2.5). */
export const firstMedium = (attachments: readonly Attachment[]): Record<string, unknown> => {
  for (const { kind, id, url, name, size } of attachments) {
    if (kind === 'image') return defined({ mediaType: 'image', mediaUrl: url })
    if (kind === 'video' || kind === 'videoNote') return { mediaType: 'video', videoId: id }
    if (kind === 'file')
      return defined({ mediaType: 'file', fileId: id, fileName: name, fileSize: size })
    if (kind === 'voice' || kind === 'audio') {
      return defined({ mediaType: 'audio', audioId: id, audioUrl: url })
    }
  }
  return {}
}
