import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { content } from '../../test/support/content.ts'
import { decodeBase64 } from './base64.ts'
import { ByteBudget } from './budget.ts'
import { readJsonBody } from './json-body.ts'

const read = (text: string, headers: Record<string, string> = {}) => {
  const budget = new ByteBudget(64 * 1024 * 1024)
  return readJsonBody(
    new Request('http://gateway/', { method: 'POST', body: text, headers }),
    budget,
  )
}
const long = 'A'.repeat(70_000)

describe('readJsonBody', () => {
  it('leaves long strings as bytes and everything else as JSON has it', async () => {
    const body = await read(
      JSON.stringify({
        chatId: 1,
        caption: 'a "quote" and a \\',
        list: [{ data: long }, long],
        last: true,
      }),
    )
    const fields = body.fields as { list: [{ data: unknown }, unknown] }
    expect(fields).toMatchObject({ chatId: 1, caption: 'a "quote" and a \\', last: true })
    for (const value of [fields.list[0].data, fields.list[1]]) {
      expect(body.long(value)?.length).toBe(long.length)
    }
    expect(body.long('a "quote" and a \\')).toBeUndefined()
  })

  it('leaves a long string too long for a field that is no content', async () => {
    const { fields } = await read(JSON.stringify({ caption: long, fileName: long }))
    for (const value of Object.values(fields)) expect(value.length).toBeGreaterThan(65_536)
  })

  it('is not fooled by escaped quotes in a long string, nor by a string without an end', async () => {
    const text = `${'\\"'.repeat(40_000)}\\\\`
    const body = await read(`{"a":"${text}","b":2}`)
    expect(body.fields).toMatchObject({ b: 2 })
    expect(body.long((body.fields as { a: unknown }).a)?.length).toBe(text.length)
    await expect(read(`{"a":"${long}`)).rejects.toMatchObject({ code: 'INVALID_JSON' })
  })

  it.each([
    ['short', '2'],
    ['long', '300000'],
  ])('takes a Content-Length that is too %s for what it is', async (_is, length) => {
    const body = await read('{"chatId":5}', { 'content-length': length })
    expect(body.fields).toEqual({ chatId: 5 })
  })
})

describe('decodeBase64', () => {
  it('is the inverse of encoding, whatever the alphabet, padding, breaks and JSON escapes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.boolean(),
        fc.boolean(),
        (bytes, isUrl, breaks) => {
          const plain = Buffer.from(bytes).toString(isUrl ? 'base64url' : 'base64')
          const escaped = plain.replaceAll('/', '\\/')
          const text = breaks ? escaped.replace(/(.{20})/g, '$1\\n') : escaped
          const decoded = decodeBase64(new TextEncoder().encode(`data:a/b;base64,${text}`), 'x')
          expect(Buffer.from(decoded).equals(Buffer.from(bytes))).toBe(true)
        },
      ),
    )
  })

  it('decodes where it stands', () => {
    const bytes = content('bytes', 200_001)
    const text = new TextEncoder().encode(Buffer.from(bytes).toString('base64'))
    const decoded = decodeBase64(text, 'x')
    expect(decoded.buffer).toBe(text.buffer)
    expect(Buffer.from(decoded).equals(Buffer.from(bytes))).toBe(true)
  })

  it.each([
    'no!',
    'AAAAA',
    'data:text/plain,AAAA',
    'data:image/png;base64',
    'Привет',
  ])('refuses %j', (text) => {
    expect(() => decodeBase64(new TextEncoder().encode(text), 'image')).toThrow('image')
  })
})
