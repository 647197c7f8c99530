import { z } from 'zod'
import { GatewayError } from './errors.ts'

export const chatLink = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .describe('Invite link, public link or @name, with or without `https://max.ru/`')

/**
 * A link to a group, channel or person in the one form that MAX takes: `join/<token>` for an invite,
 * `https://max.ru/<name>` for a public name (operations-and-events.md §3.6). People paste them with and
 * without scheme, host, `@`, query and slash.
 * @throws {GatewayError} INVALID_INPUT for what is no such link.
 */
export const wireLink = (text: string): string => {
  const bare = text
    .trim()
    .replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
  const token = /(?:^|\/)join\/([\w-]+)$/.exec(bare)?.[1]
  if (token !== undefined) return `join/${token}`
  const name = /^(?:(?:https?:\/\/)?(?:www\.|web\.)?max\.ru\/|@)?([\w.-]+)$/i.exec(bare)?.[1]
  if (name !== undefined && name !== 'join') return `https://max.ru/${name}`
  throw new GatewayError('INVALID_INPUT', 'expected an invite link or a public link of MAX', {
    field: 'link',
  })
}
