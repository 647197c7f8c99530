import { Marked, type MarkedToken, type Token, type TokenizerExtension, type Tokens } from 'marked'
import { type FormattedText, linkStyle, type Style } from './elements.ts'
import { RichText } from './rich-text.ts'

/** `++underlined++`, as MAX's own bots write it; Markdown knows no underline. */
const underline: TokenizerExtension = {
  name: 'underline',
  level: 'inline',
  start: (source) => source.indexOf('++'),
  tokenizer(source, before) {
    const match = /^\+\+(?![\s+])((?:[^+]|\+(?!\+)){1,4000}?)(?<!\s)\+\+(?!\+)/.exec(source)
    // `i++` and `C++` are no beginning.
    if (match?.[1] === undefined || /[\p{L}\p{N}]$/u.test(before.at(-1)?.raw ?? ''))
      return undefined
    const inner = match[1]
    return { type: 'underline', raw: match[0], tokens: this.lexer.inlineTokens(inner) }
  },
}

const marked = new Marked({ gfm: true, breaks: true, extensions: [underline] })

/** Markdown (GitHub's, with MAX's `++underline++`) as text with formatting; line breaks count. */
export const fromMarkdown = (markdown: string): FormattedText => {
  const text = new RichText()
  new MarkdownWriter(text).blocks(marked.lexer(markdown))
  return text.finish()
}

class MarkdownWriter {
  readonly #text: RichText
  #listDepth = 0

  constructor(text: RichText) {
    this.#text = text
  }

  blocks(tokens: Token[]): void {
    for (const token of tokens) {
      this.#block(token as MarkedToken)
      this.#text.block(/\n[^\S\n]*\n\s*$/.test(token.raw) ? 2 : 1)
    }
  }

  #block(token: MarkedToken): void {
    switch (token.type) {
      case 'space':
      case 'def':
        return
      case 'heading':
        return this.#styled({ type: 'HEADING' }, token.tokens)
      case 'blockquote':
        return this.#text.styled({ type: 'QUOTE' }, () => this.blocks(token.tokens))
      case 'code':
        return this.#text.styled({ type: 'CODE' }, () =>
          this.#text.write(token.text, { verbatim: true }),
        )
      case 'list':
        return this.#list(token)
      case 'paragraph':
        return this.#inline(token.tokens)
      case 'text':
        return token.tokens ? this.#inline(token.tokens) : this.#text.write(token.text)
      default:
        // Tables, rules and HTML have no counterpart: they stay as they were written.
        this.#text.write(token.raw, { verbatim: true })
    }
  }

  #list(list: Tokens.List): void {
    const indent = '  '.repeat(Math.min(this.#listDepth, 20))
    this.#listDepth += 1
    for (const [at, item] of list.items.entries()) {
      const marker = list.ordered ? `${Number(list.start) + at}.` : '•'
      this.#text.block(1)
      this.#text.write(`${indent}${marker} `, { verbatim: true })
      const [first, ...rest] = item.tokens as MarkedToken[]
      // The item's own text goes on in the marker's line.
      if (first) this.#block(first)
      this.#text.block(1)
      this.blocks(rest)
    }
    this.#listDepth -= 1
  }

  #inline(tokens: Token[]): void {
    for (const token of tokens)
      this.#span(token as MarkedToken | (Tokens.Generic & { type: 'underline' }))
  }

  #span(token: MarkedToken | (Tokens.Generic & { type: 'underline' })): void {
    switch (token.type) {
      case 'strong':
        return this.#styled({ type: 'STRONG' }, token.tokens ?? [])
      case 'em':
        return this.#styled({ type: 'EMPHASIZED' }, token.tokens ?? [])
      case 'del':
        return this.#styled({ type: 'STRIKETHROUGH' }, token.tokens ?? [])
      case 'underline':
        return this.#styled({ type: 'UNDERLINE' }, token.tokens ?? [])
      case 'codespan':
        return this.#text.styled({ type: 'MONOSPACED' }, () => this.#text.write(token.text))
      case 'br':
        return this.#text.newLine()
      case 'link':
      case 'image':
        return this.#link(token as Tokens.Link | Tokens.Image)
      case 'text':
      case 'escape':
        return this.#text.write(token.text)
      default:
        this.#text.write(token.raw)
    }
  }

  /** A bare address stays text: clients make a link of it by themselves. */
  #link(token: Tokens.Link | Tokens.Image): void {
    const style = 'autolink' in token && token.autolink ? undefined : linkStyle(token.href)
    const inside = (): void =>
      token.tokens.length > 0 ? this.#inline(token.tokens) : this.#text.write(token.href)
    if (style) this.#text.styled(style, inside)
    else inside()
  }

  #styled(style: Style, tokens: Token[]): void {
    this.#text.styled(style, () => this.#inline(tokens))
  }
}
