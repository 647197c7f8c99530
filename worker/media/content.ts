import { createHash } from 'node:crypto'
import { fileTypeFromBuffer } from 'file-type'
import { GatewayError } from '../../schema/errors.ts'
import { type MediaKind, mediaRules, refusedExtension } from '../../schema/media.ts'
import { type Flow, peek } from './flow.ts'
import type { Source } from './source.ts'
import { type SpoolDeps, spool } from './spool.ts'

/** What the library needs to see of a file. */
const HEAD_BYTES = 4_100

/** A file that may be sent: its size and type are known and fit its kind. */
export interface Content {
  kind: MediaKind
  name: string
  mimeType: string
  sizeBytes: number
  /** Tells this file from another one of the same name. */
  fingerprint: string
  source: Source
  /** The content from its start, already opened; the next reading has to open the source again. */
  flow: Flow
}

/** What the first bytes of a file say that it is. */
export const sniff = async (
  head: Uint8Array,
): Promise<{ mimeType: string; extension: string } | undefined> => {
  const found = await fileTypeFromBuffer(head)
  return found && { mimeType: found.mime, extension: found.ext }
}

/**
 * Opens a source and looks whether MAX would take it, before anything is uploaded. A source that does
 * not say its size is put aside first, because MAX wants to know it.
 * @throws {GatewayError} BODY_TOO_LARGE, UNSUPPORTED_MEDIA, INVALID_INPUT for an empty file, and what
 *   the source ends with
 */
export const prepare = async (
  deps: SpoolDeps,
  kind: MediaKind,
  given: Source,
  { keep = false }: { keep?: boolean } = {},
): Promise<Content> => {
  const { maxBytes } = mediaRules[kind]
  let source = given
  let opened = await source.open()
  if (opened.sizeBytes === undefined || (keep && !source.again)) {
    const { flow, name } = opened
    source = await spool(deps, flow, { name, maxBytes })
    opened = await source.open()
  }
  try {
    const sizeBytes = opened.sizeBytes ?? 0
    if (sizeBytes === 0) throw new GatewayError('INVALID_INPUT', 'The file is empty')
    if (sizeBytes > maxBytes) {
      throw new GatewayError('BODY_TOO_LARGE', `MAX takes ${maxBytes} bytes of this kind at most`)
    }
    const { head, whole } = await peek(opened.flow, HEAD_BYTES)
    const type = await sniff(head)
    const mimeType = type?.mimeType ?? 'application/octet-stream'
    check(kind, mimeType, opened.name)
    const name = nameOf(kind, opened.name, type?.extension)
    const fingerprint = createHash('sha256')
      .update(`${name} ${sizeBytes} `)
      .update(head)
      .digest('hex')
    return { kind, name, mimeType, sizeBytes, fingerprint, source, flow: whole }
  } catch (error) {
    await opened.flow.cancel()
    await source.release()
    throw error
  }
}

const check = (kind: MediaKind, mimeType: string, name: string | undefined): void => {
  const { types } = mediaRules[kind]
  const isOgg = mimeType === 'application/ogg' && types.includes('audio/')
  if (types.length > 0 && !isOgg && !types.some((type) => mimeType.startsWith(type))) {
    const expected = types.map((type) => type.replace('/', '')).join(' or ')
    const text = `${kind}: expected ${expected} content, found ${mimeType}`
    throw new GatewayError('UNSUPPORTED_MEDIA', text, { details: { mimeType } })
  }
  if (name !== undefined && refusedExtension.test(name)) {
    throw new GatewayError('UNSUPPORTED_MEDIA', 'MAX does not take .exe files')
  }
}

/** The sender's name without its path, or one of ours; with an extension that fits the content. */
const nameOf = (kind: MediaKind, given: string | undefined, extension = 'bin'): string => {
  // A control character in a name is nobody's language.
  const name = (given ?? '')
    .replace(/^.*[\\/]/, '')
    .replace(/\p{Cc}/gu, '')
    .trim()
  return name === '' ? `${mediaRules[kind].name}.${extension}` : name
}
