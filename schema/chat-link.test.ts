import { expect, it } from 'vitest'
import { wireLink } from './chat-link.ts'

it.each([
  ['https://max.ru/join/aB-c_9', 'join/aB-c_9'],
  ['http://max.ru/join/aB-c_9/', 'join/aB-c_9'],
  ['max.ru/join/aB-c_9?from=chat', 'join/aB-c_9'],
  ['join/aB-c_9', 'join/aB-c_9'],
  ['  https://web.max.ru/join/aB-c_9#x ', 'join/aB-c_9'],
  ['https://max.ru/our_team', 'https://max.ru/our_team'],
  ['max.ru/our_team/', 'https://max.ru/our_team'],
  ['@our_team', 'https://max.ru/our_team'],
  ['our_team', 'https://max.ru/our_team'],
])('reads %j as %j', (text, link) => {
  expect(wireLink(text)).toBe(link)
})

it.each([
  '',
  'join/',
  'https://example.com/our_team',
  'two words',
  'https://max.ru/a/b',
])('refuses %j', (text) => {
  expect(() => wireLink(text)).toThrow('expected an invite link')
})
