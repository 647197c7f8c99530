import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringifyWireJson } from '../../schema/json.ts'
import { startLiveEdge } from '../support/live-edge.ts'
import type { Answer } from './edge.ts'
import { type Original, originals, type Scene, type Shape } from './original.ts'
import { exampleFields, rows } from './requests.ts'

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge({ qrPollIntervalMs: 20, readyDelayMs: 20 })
})
afterAll(() => world.close())

const fileOf = (kind: string): string => {
  const row = rows.find(({ row: { path } }) => path === `/chat/send/${kind}`)?.row
  return String(row && exampleFields(row)[kind])
}

/** Two who know each other, with all that an operation may want to act on. */
const enter = async (by: Original['by']): Promise<Scene> => {
  const { me, friend, chatId } = await world.enterPair()
  const messageId = (await friend.ok('POST', '/chat/send/text', { chatId, text: 'hello' }))
    .messageId
  await me.ok('POST', '/contact/add', { userId: friend.account.id })
  const groupOf = async (owner: typeof me, userIds: number[]) => {
    const { chat } = await owner.ok('POST', '/group/create', { name: 'T', participants: userIds })
    return chat as { id: number; link: string }
  }
  const own = await groupOf(me, [friend.account.id])
  const other = await groupOf(friend, [])
  const media: Scene['media'] = async (kind) => {
    const body = { chatId, [kind]: fileOf(kind), ...(kind === 'voice' && { duration: 1_000 }) }
    const sent = await me.ok('POST', `/chat/send/${kind}`, body)
    const { messages } = await me.ok('POST', '/chat/messages', {
      chatId,
      messageIds: [sent.messageId],
    })
    const [message] = messages as { attaches: Record<string, unknown>[] }[]
    return { messageId: String(sent.messageId), attach: message?.attaches[0] ?? {} }
  }
  const caller = by === 'new' ? await world.enter(world.sim.direct.createAccount()) : me
  return {
    me: caller,
    friend,
    chatId,
    messageId: String(messageId),
    groupId: own.id,
    link: other.link,
    media,
  }
}

/** Names as the original took them: without regard to case. */
const shouted = (body: object): object =>
  Object.fromEntries(Object.entries(body).map(([name, value]) => [name.toUpperCase(), value]))

/** Ids in the other of their two forms: digits as bare numbers of any size, numbers as digits. */
const otherIds = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(otherIds)
  if (typeof value === 'number' && Math.abs(value) > 10_000) return String(value)
  return typeof value === 'string' && /^\d{15,}$/.test(value) ? BigInt(value) : value
}
const idFields = /(^|[a-z])(Ids?|replyTo|participants)$/i
const withOtherIds = (body: object): object =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      idFields.test(name) ? otherIds(value) : value,
    ]),
  )
/** Phone numbers without their plus. */
const withoutPlus = (body: object): object =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      name === 'phone' ? JSON.parse(JSON.stringify(value).replaceAll('+', '')) : value,
    ]),
  )

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
const fits = (kind: string, value: unknown): boolean => {
  const bare = kind.replace('?', '')
  if (value === undefined) return kind.endsWith('?')
  if (bare === 'any') return true
  if (bare === 'id') return /^-?\d+$/.test(String(value))
  return kindOf(value) === bare
}

/** What an answer lacks of a shape. */
const lacks = (shape: Shape, value: unknown, at = ''): string[] =>
  Object.entries(shape).flatMap(([field, expected]): string[] => {
    const place = `${at}${field}`
    const found = (value as Record<string, unknown> | undefined)?.[field]
    if (typeof expected === 'string') {
      return fits(expected, found) ? [] : [`${place}: ${kindOf(found)} for ${expected}`]
    }
    if (!Array.isArray(expected)) return lacks(expected, found, `${place}.`)
    if (!Array.isArray(found) || found.length === 0) return [`${place}: no list with something`]
    return found.flatMap((each, index) => lacks(expected[0], each, `${place}.${index}.`))
  })

const call = (scene: Scene, { method, path, by }: Original, body?: object): Promise<Answer> =>
  world.edge.request(method, path.replace('{userid}', scene.me.id), {
    ...(by === 'admin' ? { admin: true } : by === 'anybody' ? {} : { token: scene.me.token }),
    ...(body === undefined ? {} : { body: stringifyWireJson(body) }),
  })

it('are 51', () => {
  expect(new Set(originals.map(({ method, path }) => `${method} ${path}`)).size).toBe(51)
})

describe.each(originals.map((row) => ({ row, name: `${row.method} ${row.path}` })))('$name', ({
  row,
}) => {
  it('answers 200 with the fields of every generation', async () => {
    const scene = await enter(row.by)
    const answer = await call(scene, row, await row.body?.(scene))
    expect([answer.status, answer.status === 200 || answer.text]).toEqual([200, true])
    expect(answer.body.success).toBe(true)
    expect(lacks(row.answer, answer.body)).toEqual([])
  })

  if (row.body === undefined) return

  it('takes names in any case, ids in the other form, and phones without a plus', async () => {
    const scene = await enter(row.by)
    const body = (await row.body?.(scene)) ?? {}
    const answer = await call(scene, row, shouted(withoutPlus(withOtherIds(body))))
    expect([answer.status, answer.status === 200 || answer.text]).toEqual([200, true])
  })
})

describe('people', () => {
  it('are named by userId as by userIds', async () => {
    const { me, friend } = await enter('online')
    const { id } = friend.account
    const one = await me.ok('POST', '/user/info', { userId: id })
    const { users } = await me.ok('POST', '/user/info', { userIds: [id] })
    expect(one).toMatchObject({ users, count: 1, user: (users as object[])[0] })
  })
})
