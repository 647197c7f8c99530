import { fnv64 } from '../hash.ts'
import type { Settings } from '../settings.ts'
import type { Upload } from './uploads.ts'

/** What a signed link is good for. */
export type LinkKind = 'upload' | 'photo' | 'file' | 'video' | 'audio'

/** Qualities that a video can be had in, best first. All but the best are shortened on purpose. */
export const qualities = ['MP4_1080', 'MP4_480', 'MP4_240'] as const

const sign = (upload: Upload, kind: LinkKind, rest: string): string =>
  fnv64(`${upload.secret} ${kind} ${rest}`)

/** Where a slot is filled. A photo's URL carries the key of its answer (§4.1). */
export const uploadUrl = (settings: Settings, upload: Upload): string => {
  const url = new URL(`${settings.mediaUrl}/upload/${upload.kind}`)
  url.searchParams.set('id', String(upload.id))
  url.searchParams.set('apiToken', sign(upload, 'upload', String(upload.expiresAt)))
  if (upload.kind === 'photo') url.searchParams.set('photoIds', upload.slotKey)
  return url.href
}

/** A link to content that opens without a login until `expiresAt`; 0 = for ever (§4.5). */
export const contentUrl = (
  settings: Settings,
  upload: Upload,
  kind: Exclude<LinkKind, 'upload'>,
  expiresAt: number,
  quality = '',
): string => {
  const url = new URL(`${settings.mediaUrl}/${kind}/${upload.id}`)
  url.searchParams.set('expires', String(expiresAt))
  if (quality !== '') url.searchParams.set('type', quality)
  // The CDN looks whether the browser that asks is of the kind the link was made for.
  if (kind === 'video') url.searchParams.set('srcAg', 'CHROME')
  url.searchParams.set('sig', sign(upload, kind, `${expiresAt}${quality}`))
  return url.href
}

export const isUploadUrl = (url: URL, upload: Upload): boolean =>
  url.searchParams.get('apiToken') === sign(upload, 'upload', String(upload.expiresAt))

export const isContentUrl = (url: URL, upload: Upload, kind: LinkKind): boolean => {
  const { expires = '', type = '', sig } = Object.fromEntries(url.searchParams)
  return sig === sign(upload, kind, `${expires}${type}`)
}
