import type { UploadKind } from './uploads.ts'

/** What MAX finds out about content by looking at its first bytes. */
export interface Looks {
  mimeType: string
  width: number
  height: number
}

const signatures: [offset: number, bytes: string, mimeType: string][] = [
  [0, '\x89PNG\r\n\x1a\n', 'image/png'],
  [0, '\xff\xd8\xff', 'image/jpeg'],
  [0, 'GIF8', 'image/gif'],
  [8, 'WEBP', 'image/webp'],
  [4, 'ftyp', 'video/mp4'],
  [0, '\x1aE\xdf\xa3', 'video/webm'],
  [0, 'OggS', 'audio/ogg'],
  [0, 'ID3', 'audio/mpeg'],
  [0, '%PDF-', 'application/pdf'],
]

/** How many bytes {@link lookAt} wants to see. */
export const HEAD_BYTES = 64

export const lookAt = (head: Uint8Array): Looks => {
  const text = String.fromCharCode(...head)
  const found = signatures.find(([offset, bytes]) => text.startsWith(bytes, offset))
  const mimeType = found?.[2] ?? 'application/octet-stream'
  const looks = { mimeType, width: 640, height: 480 }
  if (mimeType !== 'image/png' || head.length < 24) return looks
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  return { mimeType, width: view.getUint32(16), height: view.getUint32(20) }
}

const MiB = 1024 * 1024
/** Smallest side of a photo (operations-and-events.md §4.5, limits). */
const MIN_SIDE = 64

/** The `error_data` for content that a slot of this kind does not take. */
export const refusalOf = (
  kind: UploadKind,
  content: { looks: Looks; sizeBytes: number; name: string },
): string | undefined => {
  const { looks, sizeBytes, name } = content
  const family = looks.mimeType.split('/')[0]
  switch (kind) {
    case 'photo':
    case 'sticker':
      if (family !== 'image' || sizeBytes > 40 * MiB) return 'PHOTO_VALIDATION_FAILED'
      return Math.min(looks.width, looks.height) < MIN_SIDE ? 'PHOTO_TOO_SMALL' : undefined
    case 'video':
    case 'note':
      return family === 'video' ? undefined : 'VIDEO_VALIDATION_FAILED'
    case 'voice':
      return looks.mimeType === 'audio/ogg' ? undefined : 'AUDIO_VALIDATION_FAILED'
    case 'file':
      return /\.exe$/i.test(name) ? 'FILE_EXTENSION_FORBIDDEN' : undefined
  }
}
