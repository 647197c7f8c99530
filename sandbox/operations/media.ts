import { type WireMap, wireId } from '../../schema/wire.ts'
import { contentUrl, qualities, uploadUrl } from '../media/links.ts'
import type { Upload, UploadKind } from '../media/uploads.ts'
import { malformed, Refusal } from '../refusal.ts'
import { ownChat } from './chats.ts'
import { ownMessage } from './messages.ts'
import type { OnlineCall } from './operation.ts'

const issue = ({ world, settings, account }: OnlineCall, kind: UploadKind): Upload =>
  world.uploads.issue(kind, account.id, settings.uploadTtlMs)

/** 80 */
export const photoSlot = (call: OnlineCall): WireMap => {
  one(call)
  return { url: uploadUrl(call.settings, issue(call, 'photo')) }
}

/** 81 */
export const stickerSlot = (call: OnlineCall): WireMap => ({
  url: uploadUrl(call.settings, issue(call, 'sticker')),
})

/** 82: `type` tells a video from a round note (1) and a voice message (2). */
export const videoSlot = (call: OnlineCall): WireMap => {
  one(call)
  const { fields, settings } = call
  const type = fields.optional('type', (map, key) => map.integer(key)) ?? 0
  const kind = (
    [
      [0, 'video'],
      [1, 'note'],
      [2, 'voice'],
    ] as const
  ).find(([n]) => n === type)?.[1]
  if (kind === undefined) throw malformed("'type' unknown")
  const upload = issue(call, kind)
  const { id, token } = upload
  return {
    info: [{ url: uploadUrl(settings, upload), videoId: wireId(id), token }],
    uploaderType: type === 0 ? 0 : 1,
  }
}

/** 87 */
export const fileSlot = (call: OnlineCall): WireMap => {
  one(call)
  const upload = issue(call, 'file')
  const { id, token } = upload
  return { info: [{ url: uploadUrl(call.settings, upload), fileId: wireId(id), token }] }
}

/** Every known client asks for one slot at a time. */
const one = ({ fields }: OnlineCall): void => {
  if (fields.integer('count', { min: 1, max: 10 }) !== 1) throw malformed("'count' not supported")
}

/** 88 */
export const downloadFile = (call: OnlineCall): WireMap => {
  const upload = attached(call, 'FILE', 'fileId')
  return { url: link(call, upload, 'file'), unsafe: /\.(apk|bat|msi)$/i.test(upload.name) }
}

/** 83: the best first, and the player page among them (§6.3). */
export const playVideo = (call: OnlineCall): WireMap => {
  const upload = attached(call, 'VIDEO', 'videoId')
  const { failoverHosts } = call.settings
  return {
    ...Object.fromEntries(qualities.map((name) => [name, link(call, upload, 'video', name)])),
    EXTERNAL: `https://m.ok.ru/video/${upload.id}`,
    cache: true,
    ...(failoverHosts.length > 0 && { FAILOVER_HOSTS: failoverHosts }),
  }
}

/** 301 */
export const playAudio = (call: OnlineCall): WireMap => ({
  opus: link(call, attached(call, 'AUDIO', 'audioId'), 'audio'),
})

/** 203: photos as they came in a message, with links that work again. */
export const refreshPhotos = (call: OnlineCall): WireMap => {
  const { world, settings, fields } = call
  const media = fields.maps('media').map((photo) => {
    const upload = world.uploads.byToken(String(photo.photoToken))
    if (upload === undefined) throw new Refusal('not.found', 'No such photo')
    const until = settings.photoLinkTtlMs === 0 ? 0 : world.now + settings.photoLinkTtlMs
    return { ...photo, baseUrl: contentUrl(settings, upload, 'photo', until) }
  })
  return { media }
}

/** Content is given out to those who see the message it hangs on. */
const attached = (call: OnlineCall, type: string, name: string): Upload => {
  const { world, fields } = call
  const id = fields.integer(name)
  const { state } = ownChat(call)
  const message = ownMessage(call, state, fields.messageId('messageId'))
  const all = [...message.attaches, ...(message.link?.message.attaches ?? [])]
  const upload = world.uploads.byId(id)
  if (!upload || !all.some((attach) => attach._type === type && attach[name] === id)) {
    throw new Refusal('not.found', 'Attachment not found')
  }
  return upload
}

const link = (
  { world, settings }: OnlineCall,
  upload: Upload,
  kind: 'file' | 'video' | 'audio',
  quality = '',
): string => contentUrl(settings, upload, kind, world.now + settings.linkTtlMs, quality)
