import { z } from 'zod'
import { type IdValue, idInput } from '../ids.ts'
import { type WireMap, wireId } from '../wire.ts'

/** Kinds of formatting that MAX knows (operations-and-events.md §2.2). */
export const elementTypes = [
  'STRONG',
  'EMPHASIZED',
  'UNDERLINE',
  'STRIKETHROUGH',
  'MONOSPACED',
  'CODE',
  'HEADING',
  'QUOTE',
  'LINK',
  'USER_MENTION',
  'GROUP_MENTION',
  'ANIMOJI',
] as const
export type ElementType = (typeof elementTypes)[number]

/** What a stretch of text looks like or leads to. */
export interface Style {
  type: ElementType
  attributes?: Record<string, string | number | boolean> | undefined
  /** Whom a mention means. */
  entityId?: IdValue | undefined
  entityName?: string | undefined
}

/** A style and where it applies. Offsets and lengths count UTF-16 code units, as MAX's do. */
export interface Element extends Style {
  from: number
  length: number
}

export interface FormattedText {
  text: string
  elements: Element[]
}

const MAX_URL = 2048

/** A link that may stand in a message, or `undefined`: http(s), tel, mailto and max.ru alone. */
export const linkUrl = (href: string): string | undefined => {
  const given = href.trim()
  const url = /^(?:www\.)?max\.ru\//i.test(given) ? `https://${given}` : given
  if (url.length > MAX_URL || /\s/.test(url)) return undefined
  return /^(?:https?:\/\/|tel:|mailto:)/i.test(url) && URL.canParse(url) ? url : undefined
}

/** The style of a link, a mention for `max://user/<id>`; `undefined` for what may not be linked. */
export const linkStyle = (href: string): Style | undefined => {
  const user = /^max:\/\/(?:user|max\.ru)\/(\d{1,18})$/i.exec(href.trim())?.[1]
  if (user !== undefined) return { type: 'USER_MENTION', entityId: idInput.parse(user) }
  const url = linkUrl(href)
  return url === undefined ? undefined : { type: 'LINK', attributes: { url } }
}

const attribute = z.union([z.string().max(MAX_URL), z.int(), z.boolean()])

/** Formatting as a caller gives it. Whether it lies inside the text is for the text to say. */
export const elementInput = z
  .object({
    type: z.enum(elementTypes),
    from: z.int().min(0).default(0).describe('Where it starts, in UTF-16 code units'),
    length: z.int().min(1).describe('How long it is, in UTF-16 code units'),
    attributes: z.record(z.string().max(64), attribute).optional().describe('`{url}` of a LINK'),
    entityId: idInput.optional().describe('User or group that a mention means'),
    entityName: z.string().max(256).optional(),
  })
  .superRefine((element, ctx) => {
    if (element.type === 'LINK' && linkUrl(String(element.attributes?.url ?? '')) === undefined) {
      ctx.addIssue({
        code: 'custom',
        path: ['attributes', 'url'],
        message: 'expected an http, https, tel or mailto link',
      })
    }
    if (element.type.endsWith('_MENTION') && element.entityId === undefined) {
      ctx.addIssue({ code: 'custom', path: ['entityId'], message: 'a mention needs an entityId' })
    }
  })
  .meta({ id: 'Element' })

export const wireElement = ({ entityId, ...element }: Element): WireMap => ({
  ...element,
  ...(entityId === undefined ? {} : { entityId: wireId(entityId) }),
})
