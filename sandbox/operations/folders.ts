import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Fields } from '../fields.ts'
import type { Account, Folder, Folders } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import type { OnlineCall } from './operation.ts'

/** Folders of an account (operations-and-events.md §2.10, §3.4). Its own are behind the system's. */

/** The folder with everything: always there, always first. */
const ALL = 'all.chat.folder'
/** 15 characters are known to be accepted, 21 to be refused. */
const MAX_TITLE = 20

/** 272 */
export const getFolders = ({ account, fields }: OnlineCall): WireMap => {
  fields.optional('folderSync', (map, key) => map.integer(key))
  return renderFolders(account)
}

/** 273 */
export const getFoldersById = ({ account, fields }: OnlineCall): WireMap => {
  const ids = fields.strings('folderIds')
  return {
    folders: foldersOf(account)
      .list.filter(({ id }) => ids.includes(id))
      .map(renderFolder),
  }
}

/** 274: the whole folder takes the place of the one with its id; a field left out is emptied. */
export const updateFolder = (call: OnlineCall): WireMap => {
  const { world, account, fields } = call
  const title = fields.string('title')
  const folder: Folder = {
    id: fields.string('id'),
    title,
    include: fields.optional('include', (map, key) => map.integers(key)) ?? [],
    filters: fields.integers('filters'),
    options: fields.integers('options'),
    favorites: fields.optional('favorites', (map, key) => map.integers(key)) ?? [],
    updatedAt: world.stamp(),
    ...optionalEmoji(fields),
  }
  if (folder.id === '' || folder.id === ALL) throw malformed("'id' unknown")
  if (title.trim() === '') throw new Refusal('folder.validation.title.empty', 'No title')
  if (title.length > MAX_TITLE) {
    throw new Refusal('folder.validation.title.too-long', 'The title is too long')
  }
  const { list } = foldersOf(account)
  const isKnown = list.some(({ id }) => id === folder.id)
  const next = isKnown
    ? list.map((old) => (old.id === folder.id ? folder : old))
    : [...list, folder]
  const { folderSync, foldersOrder } = keep(call, next)
  return { folder: renderFolder(folder), folderSync, foldersOrder }
}

/** 275 */
export const orderFolders = (call: OnlineCall): WireMap => {
  const order = call.fields.strings('foldersOrder')
  const { list } = foldersOf(call.account)
  const present = [ALL, ...list.map(({ id }) => id)]
  if (order[0] !== ALL) {
    throw new Refusal('folder.order.all-folder-not-first', 'The folder of all chats is first')
  }
  if (order.join() === present.join())
    throw new Refusal('folder.order.same', 'The order is the same')
  if ([...order].sort().join() !== [...present].sort().join()) throw folderNotFound()
  const next = order.slice(1).flatMap((id) => list.find((folder) => folder.id === id) ?? [])
  return { folderSync: keep(call, next).folderSync }
}

/** 276 */
export const deleteFolders = (call: OnlineCall): WireMap => {
  const ids = call.fields.strings('folderIds')
  const { list } = foldersOf(call.account)
  if (!ids.every((id) => list.some((folder) => folder.id === id))) throw folderNotFound()
  const { folderSync, foldersOrder } = keep(
    call,
    list.filter(({ id }) => !ids.includes(id)),
  )
  return { folderSync, foldersOrder }
}

/** Stores the folders; the account's other connections get all of them (277). */
const keep = ({ world, pushes, connection, account }: OnlineCall, list: Folder[]): WireMap => {
  account.folders = { list, sync: world.stamp() }
  world.saveAccount(account)
  const all = renderFolders(account)
  pushes.toAccount(account.id, Opcode.NOTIF_FOLDERS, all, connection)
  return all
}

const foldersOf = (account: Account): Folders => account.folders ?? { list: [], sync: 0 }

const renderFolders = (account: Account): WireMap => {
  const { list, sync } = foldersOf(account)
  const everything: WireMap = {
    id: ALL,
    title: 'Все',
    filters: [],
    options: [],
    sourceId: 1,
    updateTime: 0,
  }
  return {
    folders: [everything, ...list.map(renderFolder)],
    foldersOrder: [ALL, ...list.map(({ id }) => id)],
    folderSync: wireTime(sync),
    allFilterExcludeFolders: [],
  }
}

const renderFolder = (folder: Folder): WireMap => ({
  id: folder.id,
  title: folder.title,
  include: folder.include.map(wireId),
  filters: folder.filters,
  options: folder.options,
  favorites: folder.favorites.map(wireId),
  emoji: folder.emoji,
  sourceId: 1,
  updateTime: wireTime(folder.updatedAt),
})

const optionalEmoji = (fields: Fields): { emoji?: string } => {
  const emoji = fields.optional('emoji', (map, key) => map.string(key))
  return emoji === undefined ? {} : { emoji }
}

const folderNotFound = (): Refusal => new Refusal('not.found', 'Folder not found')
