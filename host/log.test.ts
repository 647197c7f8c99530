import { describe, expect, it } from 'vitest'
import { createLog, type LogType, readRuntimeLine } from './log.ts'

const logged = (
  type: LogType,
  color: boolean,
  write: (log: ReturnType<typeof createLog>) => void,
) => {
  const lines: string[] = []
  const now = () => new Date(2026, 0, 2, 3, 4, 5)
  write(createLog({ type, color, write: (line) => lines.push(line), now }))
  return lines
}

describe('createLog', () => {
  it('writes a line for people', () => {
    expect(
      logged('console', false, (log) =>
        log('warn', 'slow answer', { tenant: 't1', reason: 'a b', ms: 5, none: undefined }),
      ),
    ).toEqual(['03:04:05 warn slow answer tenant=t1 reason="a b" ms=5'])
  })

  it('keeps every entry on one line and stacks out of the terminal', () => {
    const [line] = logged('console', false, (log) =>
      log('error', 'x', { why: 'a\nb', stack: 'at y' }),
    )
    expect(line).toBe('03:04:05 error x why="a\\nb"')
  })

  it('colours only when asked', () => {
    const [line] = logged('console', true, (log) => log('error', 'x'))
    expect(line).toContain('\u001b[31merror')
  })

  it('writes an object for machines', () => {
    const [line] = logged('json', true, (log) => log('info', 'listening', { url: 'http://x' }))
    expect(JSON.parse(line ?? '')).toMatchObject({
      level: 'info',
      message: 'listening',
      url: 'http://x',
    })
  })
})

describe('readRuntimeLine', () => {
  it('understands the entries of the Worker', () => {
    expect(readRuntimeLine('log', '{"level":"warn","event":"breaker open","count":3}')).toEqual({
      level: 'warn',
      message: 'breaker open',
      fields: { count: 3 },
    })
    expect(readRuntimeLine('error', '{"event":"failed","message":"no such table"}')).toEqual({
      level: 'error',
      message: 'failed',
      fields: { detail: 'no such table' },
    })
  })

  it('keeps the first line of anything else', () => {
    expect(readRuntimeLine('error', 'Error: x\n    at y (z.js:1:2)').message).toBe('Error: x')
    expect(readRuntimeLine('log', '{broken')).toMatchObject({ level: 'info', message: '{broken' })
    expect(
      readRuntimeLine('error', 'Uncaught exception: workerd/jsg/v.h:15: failed: remote.Error: boom')
        .message,
    ).toBe('Uncaught exception: remote.Error: boom')
  })
})
