import { GatewayError } from '../../schema/errors.ts'
import { type MediaKind, mediaRules } from '../../schema/media.ts'
import type { Reply } from '../../schema/session-port.ts'
import { tenantPolicy } from '../gateway.ts'
import { decodeBase64 } from './base64.ts'
import { ByteBudget } from './budget.ts'
import type { MediaCall, MediaHandler } from './call.ts'
import { type Content, prepare } from './content.ts'
import { type MediaBody, mediaReader } from './request.ts'
import { type Source, sourceOfBytes } from './source.ts'
import { sourceOfStorage } from './storage.ts'
import { sourceOfUrl } from './url-source.ts'

/** What all requests of an isolate together may hold of content; it has 128 MB for everything. */
export const budget = new ByteBudget(48 * 1024 * 1024)

/** A file that a request names, before anything of it was read. */
export interface Item {
  kind: MediaKind
  source: Source
}

/** Fields that say where one file comes from. */
export interface SourceFields {
  /** Base64, a data: URL or an http(s) URL, under the name of its kind or as `data`. */
  data?: unknown
  url?: string | undefined
  storageKey?: string | undefined
  fileName?: string | undefined
}

/** The files of a request that names them by one kind: in its body, or by the fields of that kind. */
export const itemsOfKind = (call: MediaCall, kind: MediaKind, body: MediaBody): Item[] => {
  const { input, files, long } = body
  const given = input[kind]
  const values = Array.isArray(given) ? given : given === undefined ? [] : [given]
  const { url, storageKey, fileName } = input as SourceFields
  const named = values.map((data) => ({ data: long(data) ?? data, fileName }))
  const linked =
    url === undefined && storageKey === undefined ? [] : [{ url, storageKey, fileName }]
  const own = files.map((source) => renamed(source, fileName))
  const sources = [...named, ...linked].map((fields) => sourceOf(call, kind, kind, fields))
  const items = [...own, ...sources].map((source) => ({ kind, source }))
  if (items.length > 0) return items
  throw new GatewayError('INVALID_INPUT', `${kind} is required`, { field: kind })
}

/**
 * Makes the handler of a row that takes files: it reads the request, looks at every file before
 * anything leaves, and frees whatever was put aside, whatever comes of it.
 */
export const takingFiles =
  (
    itemsOf: (call: MediaCall, body: MediaBody) => Item[],
    serve: (call: MediaCall, input: MediaBody['input'], contents: Content[]) => Promise<Reply>,
  ): MediaHandler =>
  (row) => {
    const read = mediaReader(row)
    return async (call) => {
      const deps = { bucket: call.gateway.media, budget }
      const body = await read(deps, call.request)
      const held: Source[] = [...body.files]
      try {
        const contents: Content[] = []
        for (const { kind, source } of itemsOf(call, body)) {
          // A voice message is read twice: for its length, and by a MAX that wants a form (§4.6).
          const content = await prepare(deps, kind, source, { keep: kind === 'voice' })
          held.push(content.source)
          contents.push(content)
        }
        return await serve(call, body.input, contents)
      } finally {
        await Promise.all(held.map((source) => source.release()))
        await body.release()
      }
    }
  }

/** The source behind a file's fields: exactly one of them says where it is. */
export const sourceOf = (
  call: MediaCall,
  kind: MediaKind,
  field: string,
  { data, url, storageKey, fileName }: SourceFields,
): Source => {
  if ([data, url, storageKey].filter((given) => given !== undefined).length !== 1) {
    throw new GatewayError('INVALID_INPUT', `${field}: expected one source of the file`, { field })
  }
  const { maxBytes } = mediaRules[kind]
  const { gateway, tenant } = call
  if (storageKey !== undefined) return sourceOfStorage(call, storageKey, fileName)
  const link =
    url ?? (typeof data === 'string' && /^\s*https?:/i.test(data) ? data.trim() : undefined)
  if (link !== undefined) {
    const outbound = gateway.outbound(tenantPolicy(gateway, tenant.sandbox))
    return sourceOfUrl(outbound, link, {
      field: url === undefined ? field : 'url',
      name: fileName,
      maxBytes,
    })
  }
  const bytes = data instanceof Uint8Array ? data : new TextEncoder().encode(String(data))
  return sourceOfBytes(decodeBase64(bytes, field), fileName)
}

export const renamed = (source: Source, name: unknown): Source =>
  typeof name !== 'string'
    ? source
    : { ...source, open: async () => ({ ...(await source.open()), name }) }
