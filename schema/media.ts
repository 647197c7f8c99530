import { Opcode } from './opcodes.ts'
import { asIdString, asMaps, asString, type WireMap, type WireValue } from './wire.ts'

/** Kinds of media a message is sent with (operations-and-events.md §4.1). */
export const mediaKinds = ['image', 'video', 'audio', 'document', 'voice', 'videonote'] as const
export type MediaKind = (typeof mediaKinds)[number]

const MiB = 1024 * 1024

/** How a kind is uploaded, and what MAX takes of it. */
interface MediaRule {
  slot: { opcode: Opcode; payload: WireMap }
  /** Photos are a form; anything else is raw bytes, where `range` stands before the numbers (§4.2). */
  http: { form: true } | { form: false; range: '' | 'bytes ' }
  maxBytes: number
  /** MIME families or types that MAX takes; none = any. */
  types: readonly string[]
  /** Name of a file that comes without one; the extension follows from its content. */
  name: string
}

/** MAX's own limits (§4.5): 4 GiB a file, 40 MB a photo. */
const FILE_BYTES = 4_294_967_296

const file: MediaRule = {
  slot: { opcode: Opcode.FILE_UPLOAD, payload: { count: 1 } },
  http: { form: false, range: '' },
  maxBytes: FILE_BYTES,
  types: [],
  name: 'document',
}
const videoSlot = (type: number): MediaRule['slot'] => ({
  opcode: Opcode.VIDEO_UPLOAD,
  payload: { count: 1, type, uploaderType: type === 0 ? 0 : 1, profile: false },
})

export const mediaRules: Record<MediaKind, MediaRule> = {
  image: {
    slot: {
      opcode: Opcode.PHOTO_UPLOAD,
      payload: { count: 1, type: 0, uploaderType: 0, profile: false },
    },
    http: { form: true },
    maxBytes: 40 * MiB,
    types: ['image/'],
    name: 'image',
  },
  video: {
    slot: videoSlot(0),
    http: { form: false, range: 'bytes ' },
    maxBytes: FILE_BYTES,
    types: ['video/'],
    name: 'video',
  },
  videonote: {
    slot: videoSlot(1),
    http: { form: false, range: 'bytes ' },
    maxBytes: FILE_BYTES,
    types: ['video/'],
    name: 'video',
  },
  voice: {
    slot: videoSlot(2),
    http: { form: false, range: 'bytes ' },
    maxBytes: FILE_BYTES,
    types: ['audio/'],
    name: 'voice',
  },
  audio: { ...file, types: ['audio/'], name: 'audio' },
  document: file,
}

/** Extensions that MAX does not take (§4.5). */
export const refusedExtension = /\.exe$/i

/** Hosts of MAX's media (§4.1, §4.5); their subdomains count. */
const mediaHosts = ['oneme.ru', 'max.ru', 'okcdn.ru', 'mycdn.me', 'vkuser.net']

/** Whether a URL that a user gives leads to MAX's media servers and nowhere else. */
export const isMediaUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, port, username, password } = new URL(text)
  return (
    protocol === 'https:' &&
    port === '' &&
    username === '' &&
    password === '' &&
    mediaHosts.some((host) => hostname === host || hostname.endsWith(`.${host}`))
  )
}

/** Kinds of media that a message can be asked for. */
export const downloadKinds = ['image', 'video', 'audio', 'document', 'file'] as const
export type DownloadKind = (typeof downloadKinds)[number]

/** Attachment types behind a kind, the better fit first. */
const attachTypes: Record<DownloadKind, readonly string[]> = {
  image: ['PHOTO'],
  video: ['VIDEO'],
  audio: ['AUDIO', 'FILE'],
  document: ['FILE'],
  file: ['PHOTO', 'VIDEO', 'AUDIO', 'FILE'],
}

/** The id field that each type of attachment is told apart by. */
const idField: Record<string, string> = {
  PHOTO: 'photoId',
  VIDEO: 'videoId',
  AUDIO: 'audioId',
  FILE: 'fileId',
}

/**
 * The type by which an attachment's content is asked for. A client that declares an old version gets
 * voice messages as UNSUPPORTED, with the fields of AUDIO (§2.4).
 */
export const mediumType = ({ _type, audioId }: WireMap): string => {
  if (_type === 'UNSUPPORTED' && audioId !== undefined) return 'AUDIO'
  return _type === 'VIDEO_MSG' ? 'VIDEO' : String(_type)
}

/** The id of an attachment that has content. */
export const mediumId = (attach: WireMap): string | undefined =>
  asIdString(attach[idField[mediumType(attach)] ?? ''])

/** Attachments of a message that a kind stands for; those of a forward are the forwarded message's. */
export const attachesOf = (message: WireMap, kind: DownloadKind): WireMap[] => {
  const link = message.link as WireMap | undefined
  const forwarded = link?.message as WireMap | undefined
  const all = [...asMaps(message.attaches), ...asMaps(forwarded?.attaches)]
  const types = attachTypes[kind]
  const found = all.filter((attach) => types.includes(mediumType(attach)))
  if (kind !== 'audio') return found
  const voices = found.filter((attach) => mediumType(attach) === 'AUDIO')
  return voices.length > 0 ? voices : found
}

/** The URL of a VIDEO_PLAY answer to take: the wanted height or the next lower one, else the best. */
export const chooseVideo = (
  answer: WireMap,
  height: number | undefined,
): { url: string; quality: string } | undefined => {
  const offers = Object.entries(answer)
    .flatMap(([key, value]) => {
      const url = asString(value)
      const [, digits] = /^MP4_(\d+)$/.exec(key) ?? []
      return digits !== undefined && isHttps(url)
        ? [{ quality: key, height: Number(digits), url }]
        : []
    })
    .sort((a, b) => b.height - a.height)
  const chosen = offers.find((offer) => height === undefined || offer.height <= height)
  return chosen ?? offers.at(-1) ?? oldAnswer(answer)
}

/** Keys of an answer that lead to no file. */
const notFiles = new Set(['EXTERNAL', 'HLS', 'DASH', 'FAILOVER_HOSTS'])

/** Older answers had one URL under a key of any name (§4.5). */
const oldAnswer = (answer: WireMap): { url: string; quality: string } | undefined => {
  for (const [quality, value] of Object.entries(answer)) {
    const url = asString(value)
    if (!notFiles.has(quality) && isHttps(url)) return { url, quality }
  }
  return undefined
}

const isHttps = (url: string | undefined): url is string => /^https?:\/\//.test(url ?? '')

export const failoverHosts = (answer: WireMap): string[] => {
  const hosts: WireValue = answer.FAILOVER_HOSTS
  return Array.isArray(hosts) ? hosts.filter((host) => typeof host === 'string') : []
}
