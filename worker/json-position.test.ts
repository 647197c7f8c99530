import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFaultPosition } from './json-position.ts'

describe('jsonFaultPosition', () => {
  it.each([
    ['', 0],
    ['   ', 3],
    ['{"a": x}', 6],
    ['{a', 1],
    ['{"a":1,}', 7],
    ['[1', 2],
    ['[1 2]', 3],
    ['[1,]', 3],
    ['{"a" 1}', 5],
    ['{"a":1}x', 7],
    ['{"a":1} {}', 8],
    ['{"a":"b', 5],
    ['{"a":"\\x"}', 5],
    ['tru', 0],
    ['{"a":01}', 6],
    ['{"\u0085\u007f":x}', 6],
    ['{"a\u0001":1}', 1],
    [']', 0],
    ['[}', 1],
    ['{"a":[1}]', 7],
  ])('points into %j at %i', (text, position) => {
    expect(jsonFaultPosition(text)).toBe(position)
  })

  it('finds the end of every valid document', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(jsonFaultPosition(`${text} !`)).toBe(text.length + 1)
      }),
    )
  })

  it('reads a body of the largest size', () => {
    const text = `{"text":"${'é'.repeat(500_000)}`
    expect(jsonFaultPosition(text)).toBe(8)
    expect(jsonFaultPosition(`${text}"`)).toBe(text.length + 1)
  })
})
