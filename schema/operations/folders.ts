import { z } from 'zod'
import { done } from '../chats.ts'
import { GatewayError } from '../errors.ts'
import { dialog, group } from '../example-chats.ts'
import { type IdValue, idInput, publicValue } from '../ids.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { asIdString, asMaps, asString, type WireMap, type WireValue, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** Folders of the chat list (operations-and-events.md §2.10, §3.4). */

/** The system's folder with everything, which stays first. */
const ALL_FOLDER = 'all.chat.folder'
const folderErrors = [...maxErrors, 'NOT_FOUND', 'OUTCOME_UNKNOWN', 'INVALID_INPUT'] as const

const anyId = z.union([z.number(), z.string()])
const FolderModel = z
  .looseObject({
    id: z.string(),
    title: z.string(),
    chatIds: z.array(anyId).describe('Chats that were put into it'),
    filters: z.array(z.number()).describe('0 = unread chats, 2 = channels, 13 = apps'),
  })
  .meta({ id: 'Folder' })

const folderId = z.string().trim().min(1).max(100).describe('`id` of a folder')
const title = z.string().trim().min(1).max(64).describe('MAX takes some 15 to 20 characters')
const chatIds = z.array(idInput).max(500)
const filters = z.array(z.int()).max(20)
const emoji = z.string().max(32).describe('Shown in place of the icon; "" for none')

const publicFolder = (folder: WireMap): z.output<typeof FolderModel> => ({
  ...(publicValue(folder) as z.output<typeof FolderModel>),
  chatIds: listOf(folder.include).map((id) => publicValue(id) as number | string),
  filters: listOf(folder.filters) as number[],
})

const listOf = (value: WireValue): WireValue[] => (Array.isArray(value) ? value : [])

/** All folders, in their order. */
const readFolders = async (session: SessionPort): Promise<WireMap[]> => {
  const reply = await session.call(Opcode.FOLDERS_GET, { folderSync: 0 })
  const folders = asMaps(reply.folders)
  const order = listOf(reply.foldersOrder).map(String)
  const placeOf = (folder: WireMap): number => {
    const place = order.indexOf(String(folder.id))
    return place === -1 ? order.length : place
  }
  return folders.sort((a, b) => placeOf(a) - placeOf(b))
}

/** A change of a folder: its fields as they are go in, those that are to differ come out. */
type Change = (folder: WireMap) => WireMap

/**
 * MAX replaces a folder as a whole, so what is to stay is read and sent along. One change at a time,
 * or two callers would undo each other's.
 */
const changeFolder = (session: SessionPort, id: string, change: Change) =>
  session.inTurn('folders', async () => {
    const folder = (await readFolders(session)).find((each) => each.id === id)
    if (folder === undefined) {
      throw new GatewayError('NOT_FOUND', 'there is no such folder', { field: 'folderId' })
    }
    return writeFolder(session, {
      id,
      title: asString(folder.title) ?? '',
      include: idsOf(folder.include).map(wireId),
      filters: listOf(folder.filters),
      options: listOf(folder.options),
      favorites: idsOf(folder.favorites).map(wireId),
      emoji: asString(folder.emoji),
      ...change(folder),
    })
  })

const writeFolder = async (session: SessionPort, folder: WireMap) => {
  const reply = await session.call(Opcode.FOLDERS_UPDATE, folder)
  const [written = folder] = asMaps([reply.folder])
  return publicFolder(written)
}

const idsOf = (value: WireValue): string[] => listOf(value).flatMap((id) => asIdString(id) ?? [])

const without = (ids: string[], gone: IdValue[]): string[] => {
  const set = new Set(gone.map(String))
  return ids.filter((id) => !set.has(id))
}

const example = {
  id: '4e9e7e0c-2f5d-4a5e-9a53-5f0d1c9a7b11',
  title: 'Work',
  chatIds: [group.id, dialog.id],
  include: [group.id, dialog.id],
  filters: [],
  options: [],
  sourceId: 1,
  updateTime: 1790000000123,
}
const oneFolder = z.looseObject({ folder: FolderModel })

export const folderOperations = {
  listFolders: operation({
    method: 'GET',
    path: '/folder/list',
    scope: 'tenant',
    summary: 'Folders of the chat list, in their order',
    description: 'MAX’s own folders are among them; `all.chat.folder` is first.',
    online: true,
    input: z.object({}),
    output: z.looseObject({ folders: z.array(FolderModel), order: z.array(z.string()) }),
    example: { input: {}, output: { folders: [example], order: [example.id] } },
    errors: maxErrors,
    run: async (session) => {
      const folders = (await readFolders(session)).map(publicFolder)
      return { folders, order: folders.map(({ id }) => id) }
    },
  }),
  createFolder: operation({
    method: 'POST',
    path: '/folder/create',
    scope: 'tenant',
    summary: 'Create a folder',
    description: 'It shows the given chats and those that fit its filters.',
    creates: true,
    online: true,
    input: z.object({
      title,
      chatIds: chatIds.default([]).describe('Chats in it, up to 500'),
      filters: filters.default([]).describe('0 = unread chats, 2 = channels, 13 = apps'),
      emoji: emoji.optional(),
    }),
    output: oneFolder,
    example: {
      input: { title: 'Work', chatIds: [group.id, dialog.id] },
      output: { folder: example },
    },
    errors: folderErrors,
    run: async (session, input) => ({
      folder: await writeFolder(session, {
        id: crypto.randomUUID(),
        title: input.title,
        include: input.chatIds.map(wireId),
        filters: input.filters,
        options: [],
        emoji: input.emoji || undefined,
      }),
    }),
  }),
  updateFolder: operation({
    method: 'POST',
    path: '/folder/update',
    scope: 'tenant',
    summary: 'Change a folder; what is left out stays',
    description: '`chatIds` replaces its chats; to add or remove some use `POST /folder/chats`.',
    online: true,
    input: z.object({
      folderId,
      title: title.optional(),
      chatIds: chatIds.optional().describe('All chats that are to be in it'),
      filters: filters.optional().describe('0 = unread chats, 2 = channels, 13 = apps'),
      emoji: emoji.optional(),
    }),
    output: oneFolder,
    example: {
      input: { folderId: example.id, title: 'Work' },
      output: { folder: example },
    },
    errors: folderErrors,
    run: async (session, { folderId, title, chatIds, filters, emoji }) => ({
      folder: await changeFolder(session, folderId, () => ({
        ...(title === undefined ? {} : { title }),
        ...(chatIds === undefined ? {} : { include: chatIds.map(wireId) }),
        ...(filters === undefined ? {} : { filters }),
        ...(emoji === undefined ? {} : { emoji: emoji || undefined }),
      })),
    }),
  }),
  changeFolderChats: operation({
    method: 'POST',
    path: '/folder/chats',
    scope: 'tenant',
    summary: 'Put chats into a folder, or take them out',
    description:
      'Everything else of the folder stays. MAX itself can only replace a folder as a whole: this ' +
      'reads it, changes it and writes it back, one call after the other.',
    online: true,
    input: z.object({
      folderId,
      add: chatIds.default([]).describe('Chats to put in'),
      remove: chatIds.default([]).describe('Chats to take out'),
    }),
    output: oneFolder,
    example: {
      input: { folderId: example.id, add: [dialog.id] },
      output: { folder: example },
    },
    errors: folderErrors,
    run: async (session, { folderId, add, remove }) => ({
      folder: await changeFolder(session, folderId, (folder) => ({
        include: [...new Set([...without(idsOf(folder.include), remove), ...add.map(String)])].map(
          wireId,
        ),
        favorites: without(idsOf(folder.favorites), remove).map(wireId),
      })),
    }),
  }),
  deleteFolder: operation({
    method: 'POST',
    path: '/folder/delete',
    scope: 'tenant',
    summary: 'Delete folders',
    description: 'The chats in them stay.',
    online: true,
    input: z.object({
      folderId: folderId.optional(),
      folderIds: z.array(folderId).max(100).default([]).describe('Several at once'),
    }),
    output: done,
    example: { input: { folderId: example.id }, output: { message: 'Folder deleted' } },
    errors: folderErrors,
    run: async (session, input) => {
      const ids = [...(input.folderId === undefined ? [] : [input.folderId]), ...input.folderIds]
      if (ids.length === 0) {
        throw new GatewayError('INVALID_INPUT', 'folderId is required', { field: 'folderId' })
      }
      await session.inTurn('folders', () =>
        session.call(Opcode.FOLDERS_DELETE, { folderIds: [...new Set(ids)] }),
      )
      return { message: 'Folder deleted' }
    },
  }),
  orderFolders: operation({
    method: 'POST',
    path: '/folder/order',
    scope: 'tenant',
    summary: 'Put the folders in order',
    description:
      'Folders that are not named follow in the order they have. `all.chat.folder` is always first. ' +
      'The order that is there already is no error.',
    online: true,
    input: z.object({
      order: z.array(folderId).min(1).max(100).describe('Ids of folders, first to last'),
    }),
    output: z.looseObject({ message: z.string(), order: z.array(z.string()) }),
    example: {
      input: { order: [example.id] },
      output: { message: 'Folders ordered', order: [ALL_FOLDER, example.id] },
    },
    errors: folderErrors,
    run: async (session, input) =>
      session.inTurn('folders', async () => {
        const present = (await readFolders(session)).map(({ id }) => String(id))
        const unknown = input.order.find((id) => !present.includes(id))
        if (unknown !== undefined) {
          throw new GatewayError('NOT_FOUND', 'there is no such folder', { field: 'order' })
        }
        const head = present.includes(ALL_FOLDER) ? [ALL_FOLDER] : []
        const order = [...new Set([...head, ...input.order, ...present])]
        if (order.join() !== present.join()) {
          await session.call(Opcode.FOLDERS_REORDER, { foldersOrder: order })
        }
        return { message: 'Folders ordered', order }
      }),
  }),
}
