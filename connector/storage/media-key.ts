import { getExtension } from 'hono/utils/mime'
import type { AttachmentKind } from '../../schema/attachments.ts'

/** An attachment of a message that is, or will be, an object. */
export interface MediaObject {
  /** Whether others sent it, or the account itself. */
  direction: 'inbox' | 'outbox'
  chatId: string
  messageId: string
  /** Place in the message's attachments. */
  index: number
  kind: AttachmentKind
  /** When the message was sent, Unix ms. */
  sentAt: number
  fileName?: string
  contentType: string
  /** Bytes; absent while nobody knows. */
  size?: number
}

/**
 * Where an attachment lies in the tenant's folder. It depends on the message alone, so that what is
 * stored again replaces itself:
 * `{inbox|outbox}/{chat}/{yyyy}/{mm}/{dd}/{images|videos|audio|documents}/{messageId}-{n}.{ext}`.
 */
export const mediaPath = (object: MediaObject): string => {
  const { direction, chatId, messageId, index, kind, sentAt } = object
  const day = new Date(sentAt).toISOString().slice(0, 10).replaceAll('-', '/')
  const name = `${plain(messageId)}-${index}.${extensionOf(object)}`
  return [direction, plain(chatId), day, folders[kind] ?? 'documents', name].join('/')
}

const folders: { [Kind in AttachmentKind]?: string } = {
  image: 'images',
  sticker: 'images',
  video: 'videos',
  videoNote: 'videos',
  audio: 'audio',
  voice: 'audio',
}

/** Ids of MAX are digits, those of groups with a minus before them. */
const plain = (id: string): string => id.replace(/[^\w-]/g, '_')

const ANY_BYTES = 'application/octet-stream'

/** By the type if that says something, else as the file was called. */
const extensionOf = ({ contentType, fileName = '' }: MediaObject): string => {
  const known = contentType.startsWith(ANY_BYTES) ? undefined : getExtension(contentType)
  // The table has the older of the two names first.
  if (known !== undefined) return known === 'jpeg' ? 'jpg' : known
  return /\.([a-z0-9]{1,10})$/i.exec(fileName)?.[1]?.toLowerCase() ?? 'bin'
}
