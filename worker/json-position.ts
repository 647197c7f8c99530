/** One JSON token with the blanks before it. Group 1: punctuation, group 2: a string. */
const token =
  /[ \t\n\r]*(?:([{}[\],:])|("[ !#-[\]-\u{10ffff}]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[ !#-[\]-\u{10ffff}]*)*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy
const blanks = /[ \t\n\r]*/y

/**
 * Where a text stops being JSON, as an offset; its length when only the end is missing. The engine
 * names the place in some of its messages only, and quotes the body in others, so it is not asked.
 */
export const jsonFaultPosition = (text: string): number => {
  const open: ('{' | '[')[] = []
  let expected: readonly Expected[] = ['value']
  let at = 0
  while (expected.length > 0) {
    token.lastIndex = at
    const match = token.exec(text)
    const kind = match === null ? undefined : kindOf(match)
    const step = kind === undefined ? undefined : expected.find((state) => accepts[state](kind))
    if (match === null || kind === undefined || step === undefined) return skipBlanks(text, at)
    at += match[0].length
    if (kind === '{' || kind === '[') open.push(kind)
    if (kind === '}' || kind === ']') open.pop()
    expected = following(kind, step, open.at(-1))
  }
  return skipBlanks(text, at)
}

type Kind = '{' | '}' | '[' | ']' | ',' | ':' | 'string' | 'scalar'
type Expected = 'value' | 'key' | 'colon' | 'comma' | 'endObject' | 'endArray'

const accepts: Record<Expected, (kind: Kind) => boolean> = {
  value: (kind) => kind === '{' || kind === '[' || kind === 'string' || kind === 'scalar',
  key: (kind) => kind === 'string',
  colon: (kind) => kind === ':',
  comma: (kind) => kind === ',',
  endObject: (kind) => kind === '}',
  endArray: (kind) => kind === ']',
}

const kindOf = (match: RegExpExecArray): Kind =>
  (match[1] as Kind | undefined) ?? (match[2] === undefined ? 'scalar' : 'string')

/** What may come after a token that was read as `step`, inside the container `within`. */
const following = (
  kind: Kind,
  step: Expected,
  within: '{' | '[' | undefined,
): readonly Expected[] => {
  if (kind === '{') return ['key', 'endObject']
  if (kind === '[') return ['value', 'endArray']
  if (step === 'key') return ['colon']
  if (step === 'colon') return ['value']
  if (step === 'comma') return within === '{' ? ['key'] : ['value']
  if (within === undefined) return []
  return ['comma', within === '{' ? 'endObject' : 'endArray']
}

const skipBlanks = (text: string, from: number): number => {
  blanks.lastIndex = from
  return from + (blanks.exec(text)?.[0].length ?? 0)
}
