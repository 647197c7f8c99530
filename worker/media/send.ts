import { errors, GatewayError } from '../../schema/errors.ts'
import { type MediaKind, mediaRules } from '../../schema/media.ts'
import type { MediaRequest, MediaSlot, Uploaded } from '../../schema/media-steps.ts'
import type { OperationName } from '../../schema/operations/index.ts'
import { webhookPolicy } from '../../schema/outbound.ts'
import type { Reply } from '../../schema/session-port.ts'
import { unwrap } from '../result.ts'
import { decodeBase64 } from './base64.ts'
import { ByteBudget } from './budget.ts'
import type { MediaCall, MediaHandler } from './call.ts'
import { type Content, prepare } from './content.ts'
import type { Flow } from './flow.ts'
import { maxHttpOf } from './max-http.ts'
import { oggDurationMs } from './ogg.ts'
import { type MediaBody, mediaReader } from './request.ts'
import { type Source, sourceOfBytes } from './source.ts'
import { sourceOfStorage } from './storage.ts'
import { uploadTo } from './upload.ts'
import { sourceOfUrl } from './url-source.ts'

/** What all requests of an isolate together may hold of content; it has 128 MB for everything. */
export const budget = new ByteBudget(48 * 1024 * 1024)

const ATTEMPTS = 3
const RETRY_WAIT_MS = 1_000

/** A file that a request names, before anything of it was read. */
interface Item {
  kind: MediaKind
  source: Source
}

/** Fields that say where one file comes from. */
interface SourceFields {
  /** Base64, a data: URL or an http(s) URL, under the name of its kind or as `data`. */
  data?: unknown
  url?: string | undefined
  storageKey?: string | undefined
  fileName?: string | undefined
}

/** Serves `/chat/send/<kind>`. */
export const sendKind = (name: OperationName, kind: MediaKind): MediaHandler =>
  sending(name, (call, { input, files, long }) => {
    const given = input[kind]
    const values = Array.isArray(given) ? given : given === undefined ? [] : [given]
    const { url, storageKey, fileName } = input as SourceFields
    const named = values.map((data) => ({ data: long(data) ?? data, fileName }))
    const linked =
      url === undefined && storageKey === undefined ? [] : [{ url, storageKey, fileName }]
    const own = files.map((source) => renamed(source, fileName))
    const sources = [...named, ...linked].map((fields) => sourceOf(call, kind, kind, fields))
    return [...own, ...sources].map((source) => ({ kind, source }))
  })

/** Serves `/chat/send/media`. */
export const sendAny = (name: OperationName): MediaHandler =>
  sending(name, (call, { input, files, long }) => {
    const media = (input.media ?? []) as (SourceFields & { type: MediaKind })[]
    const kind = input.type as MediaKind
    const listed = media.map(({ type, data, ...fields }, at) => ({
      kind: type,
      source: sourceOf(call, type, `media.${at}`, { data: long(data) ?? data, ...fields }),
    }))
    const own = files.map((source) => ({ kind, source: renamed(source, input.fileName) }))
    return [...own, ...listed]
  })

const sending =
  (name: OperationName, itemsOf: (call: MediaCall, body: MediaBody) => Item[]): MediaHandler =>
  (row) => {
    const read = mediaReader(row)
    return async (call) => {
      const { media: bucket } = call.gateway
      const deps = { bucket, budget }
      const body = await read(deps, call.request)
      const held: Source[] = [...body.files]
      try {
        const items = itemsOf(call, body)
        checkCombination(items, Object.keys(row.input.shape))
        const contents: Content[] = []
        for (const { kind, source } of items) {
          // A voice message is read twice: for its length, and by a MAX that wants a form (§4.6).
          const content = await prepare(deps, kind, source, { keep: kind === 'voice' })
          held.push(content.source)
          contents.push(content)
        }
        return await deliver(call, name, body.input, contents)
      } finally {
        await Promise.all(held.map((source) => source.release()))
        await body.release()
      }
    }
  }

const checkCombination = (items: Item[], fields: string[]): void => {
  if (items.length === 0) {
    const names = fields.filter((name) => name in mediaRules || name === 'media')
    throw new GatewayError('INVALID_INPUT', `${names[0] ?? 'a file'} is required`, {
      field: names[0] ?? 'file',
    })
  }
  if (items.length > 1 && items.some(({ kind }) => kind !== 'image')) {
    const text = 'MAX takes several photos in one message, and nothing beside any other file'
    throw new GatewayError('INVALID_INPUT', text)
  }
  if (items.length > 10) throw new GatewayError('INVALID_INPUT', 'expected at most 10 photos')
}

/** The source behind a file's fields: exactly one of them says where it is. */
const sourceOf = (
  { gateway, tenant }: MediaCall,
  kind: MediaKind,
  field: string,
  { data, url, storageKey, fileName }: SourceFields,
): Source => {
  if ([data, url, storageKey].filter((given) => given !== undefined).length !== 1) {
    throw new GatewayError('INVALID_INPUT', `${field}: expected one source of the file`, { field })
  }
  const { maxBytes } = mediaRules[kind]
  if (storageKey !== undefined) return sourceOfStorage(gateway, tenant.id, storageKey, fileName)
  const link =
    url ?? (typeof data === 'string' && /^\s*https?:/i.test(data) ? data.trim() : undefined)
  if (link !== undefined) {
    const { MAXAPI_ALLOW_PRIVATE_NETWORK: allowPrivate, MAXAPI_LOOPBACK: loopback } =
      gateway.settings
    const outbound = gateway.outbound(webhookPolicy({ allowPrivate, loopback }, tenant.sandbox))
    return sourceOfUrl(outbound, link, {
      field: url === undefined ? field : 'url',
      name: fileName,
      maxBytes,
    })
  }
  const bytes = data instanceof Uint8Array ? data : new TextEncoder().encode(String(data))
  return sourceOfBytes(decodeBase64(bytes, field), fileName)
}

const renamed = (source: Source, name: unknown): Source =>
  typeof name !== 'string'
    ? source
    : { ...source, open: async () => ({ ...(await source.open()), name }) }

/** Uploads everything and has the message sent; nothing is sent unless all of it arrived. */
const deliver = async (
  call: MediaCall,
  operation: OperationName,
  input: Record<string, unknown>,
  contents: Content[],
): Promise<Reply> => {
  const request = requestOf(operation, input, contents)
  // Asked for before anything is uploaded.
  const facts = contents.map((content) => factsOf(content, input))
  const uploads: Uploaded[] = []
  for (const [at, content] of contents.entries()) {
    const done = await upload(call, content, request)
    if ('reply' in done) return done.reply
    uploads.push({ ...done.uploaded, ...facts[at] })
  }
  return call.step('media.send', { request, uploads })
}

/** What an Idempotency-Key stands for: everything but the tokens, which are new each time. */
const requestOf = (
  operation: OperationName,
  input: Record<string, unknown>,
  contents: Content[],
): MediaRequest => {
  const { caption, format, elements, replyTo, notify, silent, chatId, phone } = input
  const text = { text: caption, format, elements }
  const files = contents.map(({ fingerprint }) => fingerprint)
  return { operation, chatId, phone, ...text, replyTo, notify, silent, files } as MediaRequest
}

const factsOf = ({ kind, source }: Content, input: Record<string, unknown>) => {
  if (kind !== 'voice' && kind !== 'videonote') return {}
  const measured = kind === 'voice' && source.bytes ? oggDurationMs(source.bytes) : undefined
  const durationMs = (input.duration as number | undefined) ?? measured
  if (kind === 'voice' && durationMs === undefined) {
    const text = 'duration is required: it cannot be read from this recording'
    throw new GatewayError('INVALID_INPUT', text, { field: 'duration' })
  }
  return {
    ...(durationMs !== undefined && { durationMs }),
    ...(Array.isArray(input.wave) && { wave: input.wave as number[] }),
  }
}

type Done = { uploaded: Uploaded } | { reply: Reply }

/** One file into a slot; anew into another one where the transfer broke and the file can be read again. */
const upload = async (call: MediaCall, content: Content, request: MediaRequest): Promise<Done> => {
  const { fetch } = maxHttpOf(call.gateway, call.tenant)
  const { kind, source } = content
  let asForm = mediaRules[kind].http.form
  let flow: Flow = content.flow
  for (let attempt = 1; ; attempt += 1) {
    const reply = await call.step('media.slot', { kind, request })
    // The same key was answered before: nothing has to be uploaded for that.
    if (!reply.ok || reply.replayed) {
      await flow.cancel()
      return { reply }
    }
    const slot = unwrap(reply) as MediaSlot
    try {
      return { uploaded: await uploadTo(fetch, slot, content, flow, { asForm }) }
    } catch (error) {
      if (!(error instanceof GatewayError) || !source.again || attempt === ATTEMPTS) throw error
      const wantsForm = kind === 'voice' && !asForm && error.data.maxError?.code === 'BAD_REQUEST'
      if (!wantsForm && !(error.code === 'TRANSFER_FAILED' && errors[error.code].retry)) throw error
      asForm ||= wantsForm
      if (!wantsForm) await new Promise((resolve) => setTimeout(resolve, RETRY_WAIT_MS * attempt))
      flow = (await source.open()).flow
    }
  }
}
