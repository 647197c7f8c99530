import { DrizzleQueryError } from 'drizzle-orm/errors'
import { describe, expect, it } from 'vitest'
import { describeError } from './log.ts'

describe('describeError', () => {
  it('tells what happened, where, and why', () => {
    const error = new Error('outer', { cause: new TypeError('inner') })
    expect(describeError(error)).toEqual({
      error: 'Error: outer',
      stack: error.stack,
      cause: 'TypeError: inner',
    })
  })

  it('leaves out the parameters of a query that failed', () => {
    const params = ['https://user:secret@example.com/hook']
    const error = new DrizzleQueryError('select ?', params, new Error('no such table'))
    expect(describeError(error)).toEqual({ query: 'select ?', cause: 'Error: no such table' })
    const outer = new Error('outer', { cause: error })
    expect(JSON.stringify(describeError(outer))).not.toContain('secret')
  })

  it('does not print a thrown value it knows nothing of', () => {
    expect(describeError('secret')).toEqual({ error: 'string' })
  })
})
