import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

interface Folder {
  id: string
  title: string
  chatIds: number[]
}

const create = async (tenant: LiveTenant, title: string, more: object = {}): Promise<Folder> =>
  (await tenant.ok('POST', '/folder/create', { title, ...more })).folder as Folder
const titles = async (tenant: LiveTenant): Promise<string[]> =>
  ((await tenant.ok('GET', '/folder/list')).folders as Folder[]).map(({ title }) => title).slice(1)

it('[defect 50] creates, lists, changes and deletes folders', async () => {
  const { me, chatId } = await world.enterPair()
  const work = await create(me, 'Work', { chatIds: [chatId], filters: [2], emoji: '💼' })
  expect(work).toMatchObject({ title: 'Work', chatIds: [chatId], filters: [2], emoji: '💼' })
  await create(me, 'Home')
  expect(await titles(me)).toEqual(['Work', 'Home'])

  const input = { folderId: work.id, title: 'Office' }
  const renamed = await me.ok('POST', '/folder/update', input)
  expect(renamed.folder).toMatchObject({ title: 'Office', chatIds: [chatId], filters: [2] })
  const plain = await me.ok('POST', '/folder/update', { folderId: work.id, emoji: '' })
  expect(plain.folder).not.toHaveProperty('emoji')

  await me.ok('POST', '/folder/delete', { folderId: work.id })
  expect(await titles(me)).toEqual(['Home'])
  for (const path of ['/folder/update', '/folder/delete', '/folder/chats']) {
    const gone = await me.call('POST', path, { folderId: work.id })
    expect(gone).toMatchObject({ status: 404 })
  }
})

it('adds and removes chats without wiping the rest, also at the same time', async () => {
  const { me, chatId } = await world.enterPair()
  const folder = await create(me, 'Work', { chatIds: [chatId], filters: [0], emoji: '💼' })
  const groups = Array.from(
    { length: 5 },
    (_, n) =>
      world.sim.direct.createGroup({
        type: 'CHAT',
        ownerId: me.account.id,
        title: `Group ${n}`,
        userIds: [],
      }).chat.id,
  )
  const change = (input: object) =>
    me.ok('POST', '/folder/chats', { folderId: folder.id, ...input })
  await Promise.all(groups.map((id) => change({ add: [id] })))
  const { folder: changed } = await change({ add: [chatId], remove: [String(groups[0])] })
  expect(changed).toMatchObject({ title: 'Work', filters: [0], emoji: '💼' })
  expect(((changed as Folder).chatIds ?? []).sort()).toEqual([chatId, ...groups.slice(1)].sort())
})

it('orders folders; the same order again is no error', async () => {
  const me = await world.enterOnline()
  const [one, two, three] = [await create(me, '1'), await create(me, '2'), await create(me, '3')]
  const order = [three.id, one.id]
  for (let time = 0; time < 2; time += 1) {
    const ordered = await me.ok('POST', '/folder/order', { order })
    expect(ordered.order).toEqual(['all.chat.folder', three.id, one.id, two.id])
  }
  expect(await titles(me)).toEqual(['3', '1', '2'])
  const unknown = await me.call('POST', '/folder/order', { order: ['nothing'] })
  expect(unknown).toMatchObject({ status: 404, body: { field: 'order' } })
})

it('passes on that a title is too long', async () => {
  const me = await world.enterOnline()
  const answer = await me.call('POST', '/folder/create', { title: 'x'.repeat(30) })
  expect(answer).toMatchObject({
    status: 400,
    body: {
      code: 'INVALID_INPUT',
      maxError: { code: 'folder.validation.title.too-long' },
    },
  })
})
