import { GatewayError } from '../../schema/errors.ts'
import type { MediaKind } from '../../schema/media.ts'
import type { MediaRequest, Uploaded } from '../../schema/media-steps.ts'
import { composeText } from '../../schema/message-input.ts'
import type { OperationName } from '../../schema/operations/index.ts'
import type { Reply } from '../../schema/session-port.ts'
import type { MediaCall, MediaHandler } from './call.ts'
import type { Content } from './content.ts'
import { oggDurationMs } from './ogg.ts'
import {
  type Item,
  itemsOfKind,
  renamed,
  type SourceFields,
  sourceOf,
  takingFiles,
} from './take.ts'
import { transfer } from './transfer.ts'

/** Serves `/chat/send/<kind>`. */
export const sendKind = (name: OperationName, kind: MediaKind): MediaHandler =>
  takingFiles(
    (call, body) => combined(itemsOfKind(call, kind, body)),
    (call, input, contents) => deliver(call, name, input, contents),
  )

/** Serves `/chat/send/media`. */
export const sendAny = (name: OperationName): MediaHandler =>
  takingFiles(
    (call, { input, files, long }) => {
      const media = (input.media ?? []) as (SourceFields & { type: MediaKind })[]
      const kind = input.type as MediaKind
      const listed = media.map(({ type, data, ...fields }, at) => ({
        kind: type,
        source: sourceOf(call, type, `media.${at}`, { data: long(data) ?? data, ...fields }),
      }))
      const own = files.map((source) => ({ kind, source: renamed(source, input.fileName) }))
      return combined([...own, ...listed])
    },
    (call, input, contents) => deliver(call, name, input, contents),
  )

/** What MAX takes in one message (operations-and-events.md §2.4). */
const combined = (items: Item[]): Item[] => {
  if (items.length === 0) {
    throw new GatewayError('INVALID_INPUT', 'media is required', { field: 'media' })
  }
  if (items.length > 1 && items.some(({ kind }) => kind !== 'image')) {
    const text = 'MAX takes several photos in one message, and nothing beside any other file'
    throw new GatewayError('INVALID_INPUT', text)
  }
  if (items.length > 10) throw new GatewayError('INVALID_INPUT', 'expected at most 10 photos')
  return items
}

/** Uploads everything and has the message sent; nothing is sent unless all of it arrived. */
const deliver = async (
  call: MediaCall,
  operation: OperationName,
  input: Record<string, unknown>,
  contents: Content[],
): Promise<Reply> => {
  const request = requestOf(operation, input, contents)
  // What the session would refuse is refused before anything is uploaded.
  composeText(request, 'caption')
  if (request.chatId === undefined && !request.phone && !request.userId) {
    throw new GatewayError('INVALID_INPUT', 'chatId, phone or userId is required', {
      field: 'chatId',
    })
  }
  const facts = contents.map((content) => factsOf(content, input))
  const uploads: Uploaded[] = []
  for (const [at, content] of contents.entries()) {
    const done = await transfer(call, content, { request })
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
  const { caption, format, elements, replyTo, notify, silent, chatId, phone, userId } = input
  const text = { text: caption, format, elements }
  const files = contents.map(({ fingerprint }) => fingerprint)
  const to = { chatId, phone, userId }
  return { operation, ...to, ...text, replyTo, notify, silent, files } as MediaRequest
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
