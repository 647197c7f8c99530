import type { WireMap } from '../../schema/wire.ts'
import type { OnlineCall } from '../operations/operation.ts'
import type { Account } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import type { Settings } from '../settings.ts'
import { contentUrl } from './links.ts'
import type { Upload, UploadKind, Uploads } from './uploads.ts'

interface Stage {
  uploads: Uploads
  settings: Settings
  now: number
}

/** Attachments that come from an upload (operations-and-events.md §2.4). */
export const uploadedTypes = new Set(['PHOTO', 'VIDEO', 'AUDIO', 'FILE'])

/**
 * An attachment as MAX keeps it: what the upload turned out to be, beside what the sender said.
 * Refuses one that is not processed yet, failed, or belongs to somebody else (§4.3, §4.4).
 */
export const expandAttach = (stage: Stage, account: Account, attach: WireMap): WireMap => {
  const upload = find(stage.uploads, attach)
  if (upload === undefined || upload.state === 'issued') {
    throw new Refusal('attachment.token.expired', 'No such upload')
  }
  const word = words[upload.kind]
  if (upload.ownerId !== account.id) {
    throw new Refusal(`errors.process.attachment.${word}.not.owner`, 'Not the owner')
  }
  if (upload.state === 'failed') {
    throw new Refusal(`errors.process.attachment.${word}.not.supported`, 'Not supported')
  }
  if (upload.readyAt > stage.now) throw notReady(stage.settings, word)
  return renderUpload(stage, upload, attach)
}

/** A photo that the caller uploaded, for a profile. */
export const ownPhoto = (
  { world, settings, account }: OnlineCall,
  photoToken: string,
): { photoId: number; baseUrl: string } => {
  const stage = { uploads: world.uploads, settings, now: world.now }
  const photo = expandAttach(stage, account, { _type: 'PHOTO', photoToken })
  return { photoId: Number(photo.photoId), baseUrl: String(photo.baseUrl) }
}

const words: Record<UploadKind, string> = {
  photo: 'photo',
  sticker: 'sticker',
  video: 'video',
  note: 'video',
  voice: 'audio',
  file: 'file',
}

/** Two forms are in the field; both say that the same request may be repeated (§4.3). */
const notReady = (settings: Settings, word: string): Refusal =>
  settings.notReady === 'attachment.not.ready'
    ? new Refusal('attachment.not.ready', `Key: errors.process.attachment.${word}.not.processed`)
    : new Refusal(`errors.process.attachment.${word}.not.ready`, 'Not ready')

/** The upload that an attachment names, by the field that its type is sent with. */
const find = (uploads: Uploads, attach: WireMap): Upload | undefined => {
  const byId = (name: string, kinds: UploadKind[]): Upload | undefined => {
    const id = attach[name]
    if (typeof id !== 'number') throw malformed(`Expected number at '${name}'`)
    const upload = uploads.byId(id)
    const { token } = attach
    const fits = token === undefined || token === upload?.token
    return upload && fits && kinds.includes(upload.kind) ? upload : undefined
  }
  switch (attach._type) {
    case 'PHOTO': {
      if (typeof attach.photoToken !== 'string') throw malformed("Expected string at 'photoToken'")
      const upload = uploads.byToken(attach.photoToken)
      return upload?.kind === 'photo' ? upload : undefined
    }
    case 'VIDEO': {
      if (typeof attach.token !== 'string') throw malformed("Expected string at 'token'")
      return byId('videoId', [attach.videoType === 1 ? 'note' : 'video'])
    }
    case 'AUDIO':
      if (typeof attach.duration !== 'number') throw malformed("Expected number at 'duration'")
      return byId('audioId', ['voice'])
    default:
      return byId('fileId', ['file'])
  }
}

/** The full form of an attachment; `attach` is what its sender said of it. */
export const renderUpload = (
  { settings, now }: Stage,
  upload: Upload,
  attach: WireMap,
): WireMap => {
  const { id, token, width, height, name, sizeBytes } = upload
  const { photoLinkTtlMs, linkTtlMs } = settings
  const photoUntil = photoLinkTtlMs === 0 ? 0 : now + photoLinkTtlMs
  switch (upload.kind) {
    case 'photo':
    case 'sticker':
      return {
        _type: 'PHOTO',
        photoId: id,
        photoToken: token,
        baseUrl: contentUrl(settings, upload, 'photo', photoUntil),
        width,
        height,
        previewData: preview,
      }
    case 'video':
    case 'note':
      return {
        _type: 'VIDEO',
        videoId: id,
        token,
        videoType: upload.kind === 'note' ? 1 : 0,
        width,
        height,
        duration: attach.duration ?? 1_000,
        thumbnail: contentUrl(settings, upload, 'photo', photoUntil),
        previewData: preview,
        thumbhash: attach.thumbhash,
        wave: attach.wave,
      }
    case 'voice':
      return {
        _type: 'AUDIO',
        audioId: id,
        token,
        url: contentUrl(settings, upload, 'audio', now + linkTtlMs),
        duration: attach.duration,
        wave: attach.wave,
        transcriptionStatus: 'NOT_SUPPORTED',
      }
    case 'file':
      return { _type: 'FILE', fileId: id, name, size: sizeBytes, token }
  }
}

/** A picture of one pixel. */
const preview = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'
