import { isSignedLink } from '../../connector/storage/media-link.ts'
import {
  type ByteRange,
  contentDisposition,
  type StoredFacts,
} from '../../connector/storage/object-store.ts'
import { r2Store } from '../../connector/storage/r2-store.ts'
import { storageFailed } from '../../connector/storage/tenant-storage.ts'
import { GatewayError } from '../../schema/errors.ts'
import type { Input, Operation } from '../../schema/operations/index.ts'
import type { Gateway } from '../gateway.ts'
import { inputReader } from '../input.ts'

/** Serves one request; `note` takes what a refusal says beside its body. */
type ServeLink = (
  request: Request,
  path: Record<string, string>,
  note: (headers: Record<string, string>) => void,
) => Promise<Response>

/**
 * Makes the server of the row behind signed links. Content of strangers comes from the origin of the
 * API, so that nothing of it may run there.
 */
export const linkServer = ({ media, vault, now }: Gateway, row: Operation): ServeLink => {
  const readInput = inputReader(row)
  const store = r2Store(media)
  return async (request, path, note) => {
    const { expires, signature, ...place } = (await readInput(
      request,
      path,
    )) as Input<'getStoredMedia'>
    const { tenant, box, chat, year, month, day, folder, name } = place
    const key = ['users', tenant, box, chat, year, month, day, folder, name].join('/')
    if (!(await isSignedLink(vault, key, expires, signature))) {
      throw new GatewayError('FORBIDDEN', 'The link is not one of this gateway, or was changed')
    }
    if (expires * 1000 <= now()) throw new GatewayError('LINK_EXPIRED')

    const range = request.headers.get('range')
    const isHead = request.method === 'HEAD'
    const facts = isHead || range !== null ? await found(store.head(key)) : undefined
    const part = facts && partOf(request, facts.size)
    if (part === 'none') {
      note({ 'Content-Range': `bytes */${facts?.size}` })
      throw new GatewayError('RANGE_NOT_SATISFIABLE')
    }
    const object = isHead ? undefined : await found(store.get(key, part))
    const headers = headersOf(object ?? (facts as StoredFacts), name, part)
    return new Response(object?.body ?? null, { status: part === undefined ? 200 : 206, headers })
  }
}

const found = async <Facts>(asked: Promise<Facts | undefined>): Promise<Facts> => {
  const facts = await asked.catch((error: unknown) => {
    throw storageFailed(error)
  })
  if (facts === undefined) throw new GatewayError('NOT_FOUND', 'The file was deleted')
  return facts
}

interface Part extends ByteRange {
  last: number
}

/**
 * The part that is asked for; `undefined` = all of it, as RFC 9110 has it for a range of another form,
 * for several, and for one under a condition that nothing here can fulfil.
 */
const partOf = ({ headers }: Request, size: number): Part | 'none' | undefined => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(headers.get('range')?.trim() ?? '')
  const [, from = '', to = ''] = match ?? []
  if ((from === '' && to === '') || headers.has('if-range')) return undefined
  if (from === '') {
    return to === '0' || size === 0
      ? 'none'
      : { first: Math.max(0, size - Number(to)), last: size - 1 }
  }
  const [first, last] = [Number(from), to === '' ? size - 1 : Math.min(Number(to), size - 1)]
  if (to !== '' && Number(to) < first) return undefined
  return first >= size ? 'none' : { first, last }
}

const headersOf = (
  { contentType, size, fileName, modifiedAt }: StoredFacts,
  name: string,
  part: Part | undefined,
): Record<string, string> => ({
  'Content-Type': contentType,
  'Content-Length': String(part === undefined ? size : part.last - part.first + 1),
  ...(part && { 'Content-Range': `bytes ${part.first}-${part.last}/${size}` }),
  'Content-Disposition': disposition(contentType, fileName ?? name),
  'Accept-Ranges': 'bytes',
  'Last-Modified': new Date(modifiedAt).toUTCString(),
  'Cache-Control': 'private',
  'Content-Security-Policy': "sandbox; default-src 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
})

/** The sandbox lets no browser show a PDF. */
const disposition = (contentType: string, fileName: string): string =>
  contentDisposition(/^application\/pdf/i.test(contentType) ? '' : contentType, fileName)
