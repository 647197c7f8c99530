import type { Log } from './clock.ts'

const order = ['debug', 'info', 'warn', 'error'] as const

/**
 * One JSON object a line on the Worker's console, which every host can read. `level` is the least
 * level that is written; `base` gives the fields of every line.
 */
export const consoleLog =
  (level: string | undefined, base: () => Record<string, unknown>): Log =>
  (lineLevel, message, fields) => {
    const least = order.indexOf((level ?? 'info') as (typeof order)[number])
    if (order.indexOf(lineLevel) < least) return
    const line = JSON.stringify({ level: lineLevel, message, ...base(), ...fields })
    // biome-ignore lint/suspicious/noConsole: the console is where a Worker logs.
    console.log(line)
  }
