import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../errors.ts'
import type { Element } from './elements.ts'
import { formatText, type TextFormat } from './format-text.ts'

/** The text, and each element as what it covers. */
const read = (source: string, format: TextFormat) => {
  const { text, elements } = formatText(source, format)
  const shown = elements.map(({ type, from, length, attributes, entityId }: Element) => [
    type,
    text.slice(from, from + length),
    ...(attributes?.url === undefined ? [] : [attributes.url]),
    ...(entityId === undefined ? [] : [entityId]),
  ])
  return [text, ...shown]
}

describe('markdown', () => {
  it.each<[string, ...unknown[]]>([
    ['**a** and __b__', 'a and b', ['STRONG', 'a'], ['STRONG', 'b']],
    ['*a* and _b_', 'a and b', ['EMPHASIZED', 'a'], ['EMPHASIZED', 'b']],
    ['***both***', 'both', ['STRONG', 'both'], ['EMPHASIZED', 'both']],
    ['**b *i* b**', 'b i b', ['STRONG', 'b i b'], ['EMPHASIZED', 'i']],
    ['~~gone~~ ++under++', 'gone under', ['STRIKETHROUGH', 'gone'], ['UNDERLINE', 'under']],
    ['i++; j++ and C++', 'i++; j++ and C++'],
    ['`a*b*`', 'a*b*', ['MONOSPACED', 'a*b*']],
    ['```js\n  if (a) {\n  }\n```', '  if (a) {\n  }', ['CODE', '  if (a) {\n  }']],
    ['# Title\ntext', 'Title\ntext', ['HEADING', 'Title']],
    ['> one\n> two\n\nthree', 'one\ntwo\n\nthree', ['QUOTE', 'one\ntwo']],
    ['[here](https://max.ru/x?a=1)', 'here', ['LINK', 'here', 'https://max.ru/x?a=1']],
    ['[call](tel:+7999)', 'call', ['LINK', 'call', 'tel:+7999']],
    ['[x](max.ru/name)', 'x', ['LINK', 'x', 'https://max.ru/name']],
    ['[Имя](max://user/258317252)', 'Имя', ['USER_MENTION', 'Имя', 258317252]],
    ['![alt](https://a.b/c.png)', 'alt', ['LINK', 'alt', 'https://a.b/c.png']],
    ['[x](javascript:alert(1)) [y](data:text/html,1)', 'x y'],
    ['see https://a.b and <c@d.e>', 'see https://a.b and c@d.e'],
    ['- a\n- b\n  1. c\n  2. d', '• a\n• b\n  1. c\n  2. d'],
    ['3. a\n4. **b**', '3. a\n4. b', ['STRONG', 'b']],
    ['one\ntwo\n\nthree', 'one\ntwo\n\nthree'],
    ['a \\*b\\* 2 * 3', 'a *b* 2 * 3'],
    ['<b>not html</b>', '<b>not html</b>'],
    ['| a | b |\n|--|--|\n| 1 | 2 |', '| a | b |\n|--|--|\n| 1 | 2 |'],
    ['🙂 **жир 🙂** x', '🙂 жир 🙂 x', ['STRONG', 'жир 🙂']],
  ])('reads %j', (source, ...expected) => {
    expect(read(source, 'markdown')).toEqual(expected)
  })
})

describe('html', () => {
  it.each<[string, ...unknown[]]>([
    ['<b>a</b> <strong>b</strong>', 'a b', ['STRONG', 'a'], ['STRONG', 'b']],
    ['<i>a</i> <em>b</em>', 'a b', ['EMPHASIZED', 'a'], ['EMPHASIZED', 'b']],
    ['<u>a</u> <s>b</s>', 'a b', ['UNDERLINE', 'a'], ['STRIKETHROUGH', 'b']],
    ['<b>b <i>bi</i> </b>x', 'b bi x', ['STRONG', 'b bi'], ['EMPHASIZED', 'bi']],
    ['<b><b>once</b></b>', 'once', ['STRONG', 'once']],
    ['<b><i>x</b>y</i>', 'xy', ['EMPHASIZED', 'x'], ['STRONG', 'x']],
    ['<code>x</code>', 'x', ['MONOSPACED', 'x']],
    ['<pre><code>\n  a\n</code></pre>', '  a', ['CODE', '  a']],
    ['<h2>Title</h2>text', 'Title\n\ntext', ['HEADING', 'Title']],
    ['<p>a</p>\n<p>b<br>c</p>', 'a\n\nb\nc'],
    ['line\nline', 'line\nline'],
    ['<blockquote>q</blockquote>a', 'q\na', ['QUOTE', 'q']],
    ['<ul><li>a<li>b</ul><ol start="3"><li>c</ol>', '• a\n• b\n3. c'],
    ['<a href="https://a.b/?x=1&amp;y=2">l</a>', 'l', ['LINK', 'l', 'https://a.b/?x=1&y=2']],
    ['<a href="max://user/12">Имя</a>', 'Имя', ['USER_MENTION', 'Имя', 12]],
    ['<a href="javascript:alert(1)">x</a>', 'x'],
    ['a &lt;b&gt; &amp; &#128578;', 'a <b> & 🙂'],
    ['<script>alert(1)</script><style>b{}</style>x', 'x'],
    ['<mark onclick="x()">y</mark> 1 < 2', 'y 1 < 2'],
    ['<b>unclosed', 'unclosed', ['STRONG', 'unclosed']],
  ])('reads %j', (source, ...expected) => {
    expect(read(source, 'html')).toEqual(expected)
  })
})

/** Markup as somebody hostile puts it together. */
const pieces = fc.constantFrom(
  ...['*', '**', '_', '__', '~~', '`', '```\n', '++', '[', '](', ')', '<b>', '</b>', '<i>', '</i>'],
  ...['<pre>', '</pre>', '<li>', '<ol>', '</ol>', '<p>', '<br>', '<a href="https://a.b">', '</a>'],
  ...['# ', '> ', '- ', '1. ', '\n', '\n\n', '  ', ' ', '&amp;', '&#0;', '&#xD83D;', '<', '>'],
  ...[
    '🙂',
    '👨‍👩‍👧',
    '\ud83d',
    'слово',
    'a',
    'https://a.b',
    'max://user/1',
    '\\',
    '|',
    '\t',
    '\u0000',
  ],
)
const source = fc.oneof(
  fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 200 }),
)

describe('whatever the markup', () => {
  it.each(['markdown', 'html'] as const)('%s elements lie inside the text, whole', (format) => {
    fc.assert(
      fc.property(source, (given) => {
        const { text, elements } = formatText(given.toWellFormed(), format)
        expect(text.isWellFormed()).toBe(true)
        for (const { from, length, type } of elements) {
          const shown = text.slice(from, from + length)
          expect(length, type).toBeGreaterThan(0)
          expect(shown).toHaveLength(length)
          // No element begins or ends inside a character, or in the white space at its end.
          expect(shown.isWellFormed()).toBe(true)
          expect(shown).toBe(shown.trimEnd())
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    'markdown',
    'html',
  ] as const)('%s elements nest, and equal ones never overlap', (format) => {
    fc.assert(
      fc.property(source, (given) => {
        const { elements } = formatText(given, format)
        for (const [at, one] of elements.entries()) {
          for (const other of elements.slice(at + 1)) {
            const [oneEnd, otherEnd] = [one.from + one.length, other.from + other.length]
            expect(other.from >= oneEnd || otherEnd <= oneEnd).toBe(true)
            if (other.from < oneEnd) expect(JSON.stringify(other)).not.toBe(JSON.stringify(one))
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('leaves a plain text alone', () => {
    fc.assert(
      fc.property(source, (given) => {
        expect(formatText(given, 'plain')).toEqual({ text: given, elements: [] })
      }),
    )
  })

  const hostile = [
    '*a_',
    '**a ',
    '[',
    '> ',
    '- ',
    '<ul><li>',
    '<b>x',
    '++a',
    '`',
    '![a',
    '|-',
    '<!--',
  ]
  it.each(hostile)('reads or refuses 16,000 characters of %j within a second', (piece) => {
    const given = piece.repeat(16_000).slice(0, 16_000)
    for (const format of ['markdown', 'html'] as const) {
      const began = performance.now()
      try {
        formatText(given, format)
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError)
      }
      expect(performance.now() - began).toBeLessThan(1_000)
    }
  })
})
