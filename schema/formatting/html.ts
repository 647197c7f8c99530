import { Parser } from 'htmlparser2'
import { type ElementType, type FormattedText, linkStyle, type Style } from './elements.ts'
import { RichText } from './rich-text.ts'

const styles: Record<string, ElementType> = {
  b: 'STRONG',
  strong: 'STRONG',
  i: 'EMPHASIZED',
  em: 'EMPHASIZED',
  u: 'UNDERLINE',
  ins: 'UNDERLINE',
  s: 'STRIKETHROUGH',
  strike: 'STRIKETHROUGH',
  del: 'STRIKETHROUGH',
  code: 'MONOSPACED',
  tt: 'MONOSPACED',
  kbd: 'MONOSPACED',
  samp: 'MONOSPACED',
  pre: 'CODE',
  blockquote: 'QUOTE',
  h1: 'HEADING',
  h2: 'HEADING',
  h3: 'HEADING',
  h4: 'HEADING',
  h5: 'HEADING',
  h6: 'HEADING',
}

/** Tags that stand on lines of their own, and how many line breaks set them apart. */
const blocks: Record<string, number> = {
  ...Object.fromEntries(['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => [name, 2])),
  ...Object.fromEntries(
    ['div', 'section', 'article', 'header', 'footer', 'blockquote', 'pre'].map((name) => [name, 1]),
  ),
  ...Object.fromEntries(['ul', 'ol', 'li', 'table', 'tr', 'hr'].map((name) => [name, 1])),
}

/** Tags whose content is not text for a reader. */
const silent = new Set(['script', 'style', 'head', 'title', 'template'])

interface Open {
  tag: string
  endStyle?: () => void
  /** Number of the next item of an ordered list. */
  next?: number
}

/**
 * HTML as text with formatting. Line breaks count as written, as messengers have it; unknown tags fall
 * away, their text stays. No HTML is too broken to be read.
 */
export const fromHtml = (html: string): FormattedText => {
  const text = new RichText()
  const open: Open[] = []
  /** How deep we are inside tags whose text is left out, and inside `<pre>`. */
  let silence = 0
  let verbatim = 0

  const beginItem = (): void => {
    const list = open.findLast(({ tag }) => tag === 'ul' || tag === 'ol')
    const depth = open.filter(({ tag }) => tag === 'ul' || tag === 'ol').length
    const marker = list?.next === undefined ? '•' : `${list.next++}.`
    text.write(`${'  '.repeat(Math.max(0, Math.min(depth, 20) - 1))}${marker} `, { verbatim: true })
  }

  const styleOf = (tag: string, attributes: Record<string, string>): Style | undefined => {
    if (tag === 'a') return linkStyle(attributes.href ?? '')
    const type = styles[tag]
    // <pre><code> is one block.
    return type === undefined || (type === 'MONOSPACED' && verbatim > 0) ? undefined : { type }
  }

  const parser = new Parser({
    onopentag: (tag, attributes) => {
      const entry: Open = { tag }
      const breaks = Object.hasOwn(blocks, tag) ? blocks[tag] : undefined
      if (breaks !== undefined) text.block(breaks)
      if (tag === 'br') text.newLine()
      if (tag === 'ol') entry.next = Number.parseInt(attributes.start ?? '', 10) || 1
      if (tag === 'li') beginItem()
      if (silent.has(tag)) silence += 1
      const style = Object.hasOwn(styles, tag) || tag === 'a' ? styleOf(tag, attributes) : undefined
      if (tag === 'pre') verbatim += 1
      if (style) entry.endStyle = text.begin(style)
      open.push(entry)
    },
    ontext: (data) => {
      if (silence === 0) text.write(data, { verbatim: verbatim > 0 })
    },
    onclosetag: (tag) => {
      const entry = open.pop()
      entry?.endStyle?.()
      if (silent.has(tag)) silence -= 1
      if (tag === 'pre') verbatim -= 1
      const breaks = Object.hasOwn(blocks, tag) ? blocks[tag] : undefined
      if (breaks !== undefined) text.block(breaks)
    },
  })
  parser.end(html)
  return text.finish()
}
