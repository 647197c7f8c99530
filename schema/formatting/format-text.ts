import { GatewayError } from '../errors.ts'
import type { FormattedText } from './elements.ts'
import { fromHtml } from './html.ts'
import { fromMarkdown } from './markdown.ts'

/** How the text of a message is written. */
export const textFormats = ['plain', 'markdown', 'html'] as const
export type TextFormat = (typeof textFormats)[number]

/** Markdown readers take quadratic time over emphasis marks, and a level of the stack per level of nesting. */
const MAX_EMPHASIS_MARKS = 1_000
const deepNesting = /^(?:[ \t]*(?:>|[-*+] |\d{1,9}[.)] )){50}/m

/**
 * Text as MAX takes it: plain, with its formatting beside it.
 * @param field the caller's name of the text, for errors
 * @throws {GatewayError} INVALID_INPUT for markup that is too much to read.
 */
export const formatText = (text: string, format: TextFormat, field = 'text'): FormattedText => {
  if (format === 'plain') return { text, elements: [] }
  if (format === 'html') return fromHtml(text)
  const marks = text.match(/[*_~+`]/g)?.length ?? 0
  if (marks > MAX_EMPHASIS_MARKS || deepNesting.test(text)) {
    throw new GatewayError('INVALID_INPUT', 'the text has too much or too deep markup', {
      field,
    })
  }
  return fromMarkdown(text)
}
