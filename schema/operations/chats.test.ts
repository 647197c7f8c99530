import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { IdValue } from '../ids.ts'
import { parseJson } from '../json.ts'
import type { SessionPort } from '../session-port.ts'
import { Int64, isWireMap, type WireMap, type WireValue } from '../wire.ts'
import { chatActionOperations } from './chat-actions.ts'
import { chatReactionOperations } from './chat-reactions.ts'
import { chatOperations } from './chats.ts'
import type { Operation } from './define.ts'
import { folderOperations } from './folders.ts'
import { groupSettingsOperations } from './group-settings.ts'
import { groupOperations } from './groups.ts'
import { memberOperations } from './members.ts'

const rows = Object.entries({
  ...groupOperations,
  ...groupSettingsOperations,
  ...memberOperations,
  ...chatOperations,
  ...chatActionOperations,
  ...chatReactionOperations,
  ...folderOperations,
}) as unknown as [string, Operation][]

/** Fields of these rows that hold ids, alone or in a list. */
const idFields = ['chatId', 'userId', 'chatIds', 'userIds', 'participants', 'add', 'remove']

/** Negative group ids, dialog ids beyond 32 bit, and what no double holds. */
const ids = ['-70000000000123', '5000000000001', '9007199254740993', '-9007199254740993']

const cases = rows.flatMap(([name, row]) =>
  idFields
    .filter((field) => field in row.input.shape)
    .flatMap((field) =>
      ids.flatMap((id) => [[name, field, id, id] as const, [name, field, id, Number] as const]),
    ),
)

const isList = (row: Operation, field: string): boolean =>
  Array.isArray(row.example.input[field]) ||
  field.endsWith('s') ||
  field === 'add' ||
  field === 'remove'

/** Every integer in a payload, also as a key. */
const integersIn = (value: WireValue): string[] => {
  if (value instanceof Int64) return [value.value.toString()]
  if (typeof value === 'bigint' || typeof value === 'number') return [value.toString()]
  if (Array.isArray(value)) return value.flatMap(integersIn)
  if (!isWireMap(value)) return []
  return Object.entries(value).flatMap(([key, item]) => [key, ...integersIn(item)])
}

/** A session that answers everything with one chat and one folder, and keeps what was asked. */
const recordingSession = (id: IdValue) => {
  const asked: WireMap[] = []
  const chat = { id, type: 'CHAT', owner: 1, link: '', lastEventTime: 1 }
  const folder = { id: 'folder', title: 'Folder', include: [id], filters: [], options: [] }
  const session = {
    userId: 1,
    now: () => 1_790_000_000_000,
    newCid: () => 1,
    account: { chatSettings: () => ({}), keepChatSettings: () => {}, keepSettings: () => {} },
    inTurn: (_name: string, task: () => Promise<unknown>) => task(),
    call: async (_opcode: number, payload: WireMap): Promise<WireMap> => {
      asked.push(payload)
      return { chat, chats: [chat], chatId: id, folder, folders: [folder] }
    },
  }
  return { asked, session: session as unknown as SessionPort }
}

describe('ids', () => {
  it.each(cases)('%s takes %s %s, as text and as digits, to MAX unharmed', async (...args) => {
    const [name, field, id, form] = args
    const row = rows.find(([each]) => each === name)?.[1] as Operation
    const written = typeof form === 'string' ? JSON.stringify(id) : id
    const value = parseJson(isList(row, field) ? `[${written}]` : written)
    const input = row.input.parse({ ...row.example.input, folderId: 'folder', [field]: value })
    const { asked, session } = recordingSession(BigInt(id))
    await row.run?.(session, input as never, { tenantId: '', generation: 0 })
    const isGone = name === 'changeFolderChats' && field === 'remove'
    if (isGone) expect(asked.at(-1)?.include).not.toContainEqual(id)
    else expect(asked.flatMap(integersIn)).toContain(id)
  })
})

/** A description may stand inside of `.optional()` and `.default()`. */
const isDescribed = (type: z.ZodType): boolean => {
  const inner = (type.def as { innerType?: z.ZodType }).innerType
  return type.description !== undefined || (inner !== undefined && isDescribed(inner))
}

describe('examples', () => {
  it.each(
    rows,
  )('[defect 47] %s speaks camelCase, and has a fitting example, a description and its errors', (_name, row) => {
    const { example, description, errors, input, output } = row
    expect(() => input.parse(example.input)).not.toThrow()
    expect(() => (output as z.ZodType).parse(example.output)).not.toThrow()
    expect(description).not.toBe('')
    expect(errors).toBeDefined()
    const names = [...Object.keys(input.shape), ...Object.keys(example.output)]
    expect(names.filter((name) => !/^[a-z][a-zA-Z]*$/.test(name))).toEqual([])
    const silent = Object.entries(input.shape).filter(([, type]) => !isDescribed(type as z.ZodType))
    expect(silent.map(([field]) => field)).toEqual([])
  })
})
