import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

it('[TN1] runs tasks of one name in order, also after a failed one, and others beside them', async () => {
  const turns = new Turns()
  const log: string[] = []
  const gate = Promise.withResolvers<void>()
  const task =
    (name: string, until: Promise<void> = Promise.resolve()) =>
    async () => {
      log.push(`${name} begins`)
      await until
      log.push(`${name} ends`)
      if (name === 'a') throw new Error('failed')
    }
  const a = turns.run('folders', task('a', gate.promise))
  const b = turns.run('folders', task('b'))
  await turns.run('else', task('c'))
  expect(log).toEqual(['a begins', 'c begins', 'c ends'])
  gate.resolve()
  await expect(a).rejects.toThrow('failed')
  await b
  expect(log.slice(3)).toEqual(['a ends', 'b begins', 'b ends'])
})
