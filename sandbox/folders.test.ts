import { expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asMap } from '../schema/wire.ts'
import { createPair, TestLine } from '../test/sandbox/line.ts'

const folder = (id: string, include: number[] = []) => ({
  id,
  title: id,
  include,
  filters: [],
  options: [],
})

it('creates, replaces whole, orders and deletes folders, and tells the other sessions', () => {
  const { sim, annaLine, annaToken, chatId } = createPair()
  const second = new TestLine(sim)
  second.login(annaToken)
  annaLine.call(Opcode.FOLDERS_UPDATE, folder('one', [chatId]))
  annaLine.call(Opcode.FOLDERS_UPDATE, folder('two', [chatId]))
  expect(second.take(Opcode.NOTIF_FOLDERS)).toHaveLength(2)
  const { include: _include, ...rest } = folder('one')
  const replaced = annaLine.call(Opcode.FOLDERS_UPDATE, rest)
  expect(asMap(replaced.folder).include).toEqual([])

  const foldersOrder = ['all.chat.folder', 'two', 'one']
  annaLine.call(Opcode.FOLDERS_REORDER, { foldersOrder })
  expect(second.call(Opcode.FOLDERS_GET, { folderSync: 0 })).toMatchObject({ foldersOrder })
  annaLine.call(Opcode.FOLDERS_DELETE, { folderIds: ['two'] })
  expect(annaLine.call(Opcode.FOLDERS_GET_BY_ID, { folderIds: ['one', 'two'] })).toMatchObject({
    folders: [{ id: 'one' }],
  })
})

it('refuses what the service refuses', () => {
  const { annaLine } = createPair()
  const refused = (opcode: number, payload: object) => annaLine.refusal(opcode, { ...payload })
  const long = { ...folder('one'), title: 'x'.repeat(21) }
  expect(refused(Opcode.FOLDERS_UPDATE, long)).toBe('folder.validation.title.too-long')
  annaLine.call(Opcode.FOLDERS_UPDATE, folder('one'))
  const order = (...foldersOrder: string[]) => refused(Opcode.FOLDERS_REORDER, { foldersOrder })
  expect(order('all.chat.folder', 'one')).toBe('folder.order.same')
  expect(order('one', 'all.chat.folder')).toBe('folder.order.all-folder-not-first')
  expect(order('all.chat.folder', 'two')).toBe('not.found')
  expect(refused(Opcode.FOLDERS_DELETE, { folderIds: ['two'] })).toBe('not.found')
})
