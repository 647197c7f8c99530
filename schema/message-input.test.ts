import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { GatewayError } from './errors.ts'
import {
  composeText,
  formatFields,
  MAX_TEXT_LENGTH,
  outgoingMessage,
  sendFields,
  textInput,
} from './message-input.ts'
import { wireId, wireMessageId } from './wire.ts'

const input = z.object({ text: textInput, ...formatFields, ...sendFields })
const compose = (given: object) => composeText(input.parse(given))
const fieldOf = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    if (error instanceof GatewayError) return error.data.field
    if (error instanceof z.ZodError) return error.issues[0]?.path.join('.')
  }
  return undefined
}

describe('the text of a message', () => {
  it('is plain unless its format says otherwise', () => {
    expect(compose({ text: '**a**' })).toEqual({ text: '**a**', elements: [] })
    expect(compose({ text: '**a**', format: 'markdown' })).toEqual({
      text: 'a',
      elements: [{ type: 'STRONG', from: 0, length: 1 }],
    })
  })

  it('is measured after its markup is taken out', () => {
    const long = 'x'.repeat(MAX_TEXT_LENGTH)
    expect(compose({ text: `<b>${long}</b>`, format: 'html' }).text).toHaveLength(MAX_TEXT_LENGTH)
    expect(fieldOf(() => compose({ text: `${long}x` }))).toBe('text')
    expect(fieldOf(() => compose({ text: `<b>${long}y</b>`, format: 'html' }))).toBe('text')
  })

  it('loses half characters, which no encoding of the wire can carry', () => {
    expect(compose({ text: 'a\ud83db' }).text).toBe('a\ufffdb')
  })
})

describe('explicit elements', () => {
  const element = { type: 'STRONG', from: 0, length: 2 }

  it('start at 0 when they do not say where, and count UTF-16 units', () => {
    expect(compose({ text: '🙂', elements: [{ type: 'STRONG', length: 2 }] }).elements).toEqual([
      element,
    ])
  })

  it('carry the id of a mention in 64 bits, from a number or a string', () => {
    const mention = { type: 'USER_MENTION', length: 1, entityId: '9007199254740993' }
    expect(compose({ text: 'a', elements: [mention] }).elements).toEqual([
      { type: 'USER_MENTION', from: 0, length: 1, entityId: wireId('9007199254740993') },
    ])
  })

  it.each<[string, object, string]>([
    ['an end behind the text', { ...element, length: 3 }, 'elements.0.length'],
    ['an unknown type', { ...element, type: 'BOLD' }, 'elements.0.type'],
    ['a negative start', { ...element, from: -1 }, 'elements.0.from'],
    ['no length', { type: 'STRONG' }, 'elements.0.length'],
    ['a mention of nobody', { ...element, type: 'USER_MENTION' }, 'elements.0.entityId'],
    ['a link to nowhere', { ...element, type: 'LINK' }, 'elements.0.attributes.url'],
    [
      'a link that runs code',
      { ...element, type: 'LINK', attributes: { url: 'javascript:alert(1)' } },
      'elements.0.attributes.url',
    ],
  ])('are refused for %s', (_name, given, field) => {
    expect(fieldOf(() => compose({ text: 'ab', elements: [given] }))).toBe(field)
  })

  it('do not go with markup', () => {
    const given = { text: 'ab', format: 'html', elements: [element] }
    expect(fieldOf(() => compose(given))).toBe('elements')
  })
})

describe('an outgoing message', () => {
  const send = (given: object) => {
    const fields = input.parse({ text: 'x', ...given })
    return outgoingMessage(7, fields, composeText(fields))
  }

  it('[defect 40] makes a sound unless told otherwise', () => {
    expect(send({}).notify).toBe(true)
    expect(send({ notify: false }).notify).toBe(false)
    expect(send({ silent: true }).notify).toBe(false)
    expect(send({ silent: false, notify: false }).notify).toBe(true)
  })

  it('answers a message, and none for the id 0', () => {
    expect(send({ replyTo: '117309440008060929' }).message.link).toEqual({
      type: 'REPLY',
      messageId: wireMessageId('117309440008060929'),
    })
    expect(send({ replyTo: 0 }).message.link).toBeUndefined()
  })

  it('leaves an empty text out', () => {
    expect(outgoingMessage(7, { notify: true }, { text: '' }).message.text).toBeUndefined()
  })
})
