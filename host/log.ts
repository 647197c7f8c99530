import { styleText } from 'node:util'
import type { Log } from '../connector/clock.ts'

export type { Log }
export type Level = Parameters<Log>[0]
export type LogType = 'console' | 'json'

interface LogOptions {
  type: LogType
  color: boolean
  write: (line: string) => void
  now?: () => Date
}

const colors = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const

const shown = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)

/** One line per entry: `HH:MM:SS level message key=value` for people, an object for machines. */
export const createLog =
  ({ type, color, write, now = () => new Date() }: LogOptions): Log =>
  (level, message, fields = {}) => {
    const time = now()
    if (type === 'json') {
      write(JSON.stringify({ time: time.toISOString(), level, message, ...fields }))
      return
    }
    // Stacks are for machines: a terminal shows lines.
    const { stack: _stack, ...rest } = fields
    const pairs = Object.entries(rest)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${shown(value)}`)
    const painted = color ? styleText(colors[level], level, { validateStream: false }) : level
    write(`${time.toTimeString().slice(0, 8)} ${painted} ${message}${pairs.join('')}`)
  }

interface Entry {
  level: Level
  message: string
  fields: Record<string, unknown>
}

const levelOf = (name: unknown): Level =>
  name === 'debug' || name === 'warn' || name === 'error' ? name : 'info'

/**
 * Understands one console line of the Worker: the JSON entries of our own code, or anything else
 * (a library, the runtime itself), of which only the first line is kept.
 */
export const readRuntimeLine = (level: string, line: string): Entry => {
  if (line.startsWith('{')) {
    try {
      const { level: own, event, message, time: _time, ...fields } = JSON.parse(line)
      const name = event ?? message
      if (typeof name === 'string') {
        const detail = event !== undefined && message !== undefined ? { message } : {}
        return {
          level: levelOf(own ?? level),
          message: name,
          fields: { ...fields, ...rename(detail) },
        }
      }
    } catch {
      // Not one of ours after all.
    }
  }
  const first = line.split('\n', 1)[0] ?? ''
  // "Uncaught exception: workerd/jsg/value.h:1511: failed: remote.jsg.Error: boom"
  const message = first.replace(/\S+\.(?:h|c\+\+|cpp):\d+: (?:failed: )?/, '').trim()
  return { level: levelOf(level), message, fields: {} }
}

/** An entry's own `message` is its text; a detail of that name moves aside. */
const rename = (detail: { message?: unknown }): Record<string, unknown> =>
  detail.message === undefined ? {} : { detail: detail.message }
