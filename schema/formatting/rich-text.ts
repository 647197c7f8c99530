import type { Element, FormattedText, Style } from './elements.ts'

/** A style that is being applied; `from` is set by the first character under it. */
interface Span {
  readonly style: Style
  from: number | undefined
}

/**
 * A formatted text under construction. White space is held back until something follows it, so that
 * neither the text nor any element ends in it, and a block begins at its first character.
 */
export class RichText {
  #text = ''
  /** White space between the text and what comes next. */
  #space = ''
  /** Line breaks due before what comes next; `undefined` = we are inside a line. */
  #breaks: number | undefined = 0
  readonly #open: Span[] = []
  readonly #elements: Element[] = []

  /** Adds text. At the start of a line only verbatim text keeps its indentation. */
  write(text: string, { verbatim = false } = {}): void {
    const given = this.#breaks === undefined ? text : begun(text, verbatim)
    const body = given.trimEnd()
    if (body === '') {
      this.#space += this.#breaks === undefined ? given : ''
      return
    }
    this.#text += this.#text === '' ? '' : '\n'.repeat(this.#breaks ?? 0)
    this.#text += this.#breaks === undefined ? this.#space : ''
    this.#breaks = undefined
    for (const span of this.#open) span.from ??= this.#text.length
    this.#text += body
    this.#space = given.slice(body.length)
  }

  /** Ends the line. */
  newLine(): void {
    this.#space = `${this.#space.replace(/[^\n]+$/, '')}\n`
  }

  /** What follows begins a line of its own, after `breaks - 1` empty ones. */
  block(breaks: number): void {
    this.#space = ''
    this.#breaks = Math.max(this.#breaks ?? 0, breaks)
  }

  /** Everything that `inside` writes gets the style. */
  styled(style: Style, inside: () => void): void {
    const end = this.begin(style)
    inside()
    end()
  }

  /** Begins a style; the returned function ends it. Styles end in the reverse order. */
  begin(style: Style): () => void {
    const span: Span = { style, from: undefined }
    this.#open.push(span)
    return () => {
      this.#open.splice(this.#open.lastIndexOf(span), 1)
      const { from } = span
      if (from === undefined) return
      const name = style.type === 'USER_MENTION' ? { entityName: this.#text.slice(from) } : {}
      this.#elements.push({ ...style, ...name, from, length: this.#text.length - from })
    }
  }

  finish(): FormattedText {
    return { text: this.#text, elements: merged(this.#elements) }
  }
}

/** A text at the start of a line: verbatim, it loses empty lines alone. */
const begun = (text: string, verbatim: boolean): string =>
  verbatim ? text.replace(/^(?:[^\S\n]*\n)+/, '') : text.trimStart()

const keyOf = ({ type, attributes, entityId }: Element): string =>
  JSON.stringify([type, attributes, String(entityId)])

/** In order of their start, the longer first; one element where equal styles overlap. */
const merged = (elements: Element[]): Element[] => {
  const result: Element[] = []
  const last = new Map<string, Element>()
  for (const element of elements.sort((a, b) => a.from - b.from || b.length - a.length)) {
    const key = keyOf(element)
    const before = last.get(key)
    const end = element.from + element.length
    if (before !== undefined && element.from < before.from + before.length) {
      before.length = Math.max(before.length, end - before.from)
      continue
    }
    last.set(key, element)
    result.push(element)
  }
  return result
}
