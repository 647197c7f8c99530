import { z } from 'zod'
import { GatewayError } from './errors.ts'
import { type Element, elementInput, wireElement } from './formatting/elements.ts'
import { formatText, textFormats } from './formatting/format-text.ts'
import { type IdValue, messageIdInput, timeOfMessage } from './ids.ts'
import type { OutgoingMessage, SentMessage } from './session-port.ts'
import { type WireMap, wireId, wireMessageId } from './wire.ts'

/** MAX's own limit, in UTF-16 code units (operations-and-events.md §4.5). */
export const MAX_TEXT_LENGTH = 4_000
/** Markup may make the given text longer than what is sent. */
const MAX_SOURCE_LENGTH = 16_000

/** A text as it is given; {@link composeText} makes of it what MAX takes. */
export const textInput = z
  .string()
  .max(MAX_SOURCE_LENGTH)
  .describe(`At most ${MAX_TEXT_LENGTH} characters once its markup is taken out`)

/** How a text is written: shared by everything that takes one. */
export const formatFields = {
  format: z
    .enum(textFormats)
    .default('plain')
    .describe('How the text is written: as it is, in Markdown or in HTML'),
  elements: z
    .array(elementInput)
    .max(500)
    .default([])
    .describe('Explicit formatting of a plain text'),
}

/** How a message is sent: shared by everything that sends one. */
export const sendFields = {
  replyTo: messageIdInput.optional().describe('Message this one answers; 0 = none'),
  notify: z.boolean().default(true).describe('false sends without a sound'),
  silent: z.boolean().optional().describe('The opposite of `notify`, and stronger'),
}

export interface TextInput {
  text: string
  format: (typeof textFormats)[number]
  elements: Element[]
}
export interface SendInput {
  replyTo?: string | undefined
  notify: boolean
  silent?: boolean | undefined
}

/**
 * The `text` and `elements` of a MAX message.
 * @param field the caller's name of the text, for errors
 * @throws {GatewayError} INVALID_INPUT when the text is too long or the formatting does not fit it.
 */
export const composeText = (
  input: TextInput,
  field = 'text',
): { text: string; elements: WireMap[] } => {
  const given = input.text.toWellFormed()
  if (input.elements.length > 0 && input.format !== 'plain') {
    throw invalid('elements', `elements go with a plain text, not with ${input.format}`)
  }
  const { text, elements } = formatText(given, input.format, field)
  if (text.length > MAX_TEXT_LENGTH) {
    throw invalid(field, `expected at most ${MAX_TEXT_LENGTH} characters, got ${text.length}`)
  }
  for (const [at, { from, length }] of input.elements.entries()) {
    if (from + length > text.length) {
      throw invalid(`elements.${at}.length`, `the element ends behind the text (${text.length})`)
    }
  }
  return { text, elements: [...elements, ...input.elements].map(wireElement) }
}

/**
 * Everything of a send but its `cid`: the one way from input fields to MAX's `message` map
 * (operations-and-events.md §3.1). Without any text, `text` is left out as MAX's own clients do.
 */
export const outgoingMessage = (
  chatId: IdValue,
  { replyTo, notify, silent }: SendInput,
  content: { text?: string; elements?: WireMap[]; attaches?: WireMap[] },
): OutgoingMessage => ({
  chatId,
  message: {
    text: content.text || undefined,
    elements: content.elements ?? [],
    attaches: content.attaches ?? [],
    link:
      replyTo === undefined || replyTo === '0'
        ? undefined
        : { type: 'REPLY', messageId: wireMessageId(replyTo) },
  },
  notify: silent === undefined ? notify : !silent,
})

/** A message that repeats another one; its text stays where it is (§3.1). */
export const forwardedMessage = (
  chatId: IdValue,
  { notify, silent }: SendInput,
  source: { chatId: IdValue; messageId: string },
): OutgoingMessage => ({
  chatId,
  message: {
    attaches: [],
    link: {
      type: 'FORWARD',
      messageId: wireMessageId(source.messageId),
      chatId: wireId(source.chatId),
    },
  },
  notify: silent === undefined ? notify : !silent,
})

/** What every send answers. */
export const sentOutput = z.looseObject({
  id: z.string().describe('Our id of the message, for GET /messages/{id}'),
  messageId: z.string(),
  chatId: z.union([z.number(), z.string()]),
  timestamp: z.number().describe('Unix ms'),
})

export const publicSent = ({ id, messageId, chatId }: SentMessage) => ({
  id,
  messageId,
  chatId,
  timestamp: timeOfMessage(messageId),
})

const invalid = (field: string, message: string): GatewayError =>
  new GatewayError('INVALID_INPUT', message, { field })
