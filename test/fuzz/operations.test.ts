import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { type Operation, type OperationName, operations } from '../../schema/operations/index.ts'
import { exampleFields } from '../contract/requests.ts'
import { type LiveTenant, startLiveEdge } from '../support/live-edge.ts'
import { fieldsOf } from './from-schema.ts'
import { type Spoiling, spoilBody, spoiling, spoilQuery, unspoiled } from './hostile.ts'

/** What is said to input that a schema does not take. */
const refusals = new Set(['INVALID_INPUT', 'INVALID_JSON', 'BODY_TOO_LARGE', 'UNAUTHORIZED'])

const REQUESTS = 20_000
const AT_ONCE = 24
/** A tenant is used up: what it is made to do ends its session, fills its chats, closes its doors. */
const PER_TENANT = 100
const HANGS_AFTER_MS = 45_000

const rows = (Object.entries(operations) as [OperationName, Operation][]).filter(
  // A stream does not end by itself.
  ([, row]) => !('stream' in row && row.stream),
)

let world: Awaited<ReturnType<typeof startLiveEdge>>
beforeAll(async () => {
  world = await startLiveEdge()
})
afterAll(() => world.close())

/** Requests made from the schemas, for each row. */
const PER_ROW = 120

interface Shot {
  row: number
  /** Fields of the row's example, or what its schema takes. */
  from: 'example' | 'schema'
  /** Which of those made from the schema. */
  sample: number
  spoiling: Spoiling
  /** Ids are replaced by those of a chat that is there. */
  real: boolean
  seed: number
}

const seed = Number(process.env.FUZZ_SEED ?? 20_261_125)
const made = rows.map(([, row]) =>
  fc.sample(fieldsOf(row.input.shape as Record<string, z.ZodType>), { numRuns: PER_ROW, seed }),
)

const shot: fc.Arbitrary<Shot> = fc.record({
  row: fc.nat(rows.length - 1),
  from: fc.constantFrom('example' as const, 'schema' as const, 'schema' as const),
  sample: fc.nat(PER_ROW - 1),
  spoiling: fc.oneof(spoiling, fc.constant(unspoiled)),
  real: fc.boolean(),
  seed: fc.nat(1_000_000),
})

/** Two tenants who know each other, and ids that lead somewhere, under the names that fields have. */
interface Scene {
  me: LiveTenant
  ids: Record<string, unknown>
  groupId: unknown
}

const enter = async (): Promise<Scene> => {
  const { me, friend, chatId } = await world.enterPair()
  const userId = friend.account.id
  const { messageId } = await me.ok('POST', '/chat/send/text', { chatId, text: 'hello' })
  const { chat } = await me.ok('POST', '/group/create', { name: 'T', participants: [userId] })
  return {
    me,
    groupId: (chat as { id: unknown }).id,
    ids: {
      chatId,
      fromChatId: chatId,
      chatIds: [chatId],
      userId,
      userIds: [userId],
      participants: [userId],
      contactId: userId,
      messageId,
      messageIds: [messageId],
    },
  }
}

/** Fields of a good request as JSON texts. */
const goodFor = ({ from, row: at, sample, real }: Shot, { ids, groupId }: Scene) => {
  const [, row] = rows[at] as [OperationName, Operation]
  const texts =
    from === 'schema'
      ? new Map(made[at]?.[sample])
      : new Map(Object.entries(exampleFields(row)).map(([name, value]) => [name, json(value)]))
  // Nobody waits for events that do not come.
  texts.delete('wait')
  if (real) {
    const found = row.path.startsWith('/group/') ? { ...ids, chatId: groupId } : ids
    for (const name of texts.keys()) if (name in found) texts.set(name, json(found[name]))
  }
  return texts
}
const json = (value: unknown): string => JSON.stringify(value)

const withDeadline = async <Value>(promise: Promise<Value>, what: string): Promise<Value> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${what}`)), HANGS_AFTER_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

describe('any input', () => {
  it(`[defect 3] of ${REQUESTS} requests, over all operations, ends in an answer and none in a 500`, async () => {
    const shots = fc.sample(shot, { numRuns: REQUESTS, seed })
    const statuses = new Map<number, number>()
    const broken = new Set<string>()
    const count = { valid: 0, reached: 0 }
    let next = 0
    const lane = async (): Promise<void> => {
      let scene: Scene | undefined
      let used = 0
      for (let shot = shots[next++]; shot !== undefined; shot = shots[next++]) {
        if (scene === undefined || used >= PER_TENANT) {
          scene = await enter()
          used = 0
        }
        used += 1
        const { me } = scene
        const [name, row] = rows[shot.row] as [OperationName, Operation]
        const fields = Object.keys(row.input.shape)
        const good = goodFor(shot, scene)
        const sentBefore = me.session.sent.length
        const isGet = row.method === 'GET'
        const body = (isGet ? spoilQuery : spoilBody)(fields, good, shot.spoiling)
        const path = row.path.replace(/:\w+/g, shot.real ? me.id : `x${shot.seed}`)
        const call = {
          ...(row.scope === 'admin' ? { admin: true } : { token: me.token }),
          ...(isGet ? {} : { body }),
        }
        const what = `${name} ${body.slice(0, 300)}`
        const asked = world.edge.request(row.method, isGet ? `${path}?${body}` : path, call)
        // The harness refuses an answer that the document does not have.
        const answer = await withDeadline(asked, what).catch((error: Error) => {
          broken.add(`${what}\n  ${error.message}`)
        })
        if (answer === undefined) continue
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        if (answer.status === 500) broken.add(what)
        if (!refusals.has(String(answer.body.code))) count.valid += 1
        if (me.session.sent.length > sentBefore) count.reached += 1
        // Ended sessions answer everything alike: a fresh tenant tells more.
        if (answer.status === 503 || answer.status === 401) scene = undefined
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    expect([...broken].slice(0, 20)).toEqual([])
    // It would prove nothing if most were refused at the door.
    expect(count.valid).toBeGreaterThan(REQUESTS * 0.5)
    expect(count.reached).toBeGreaterThan(REQUESTS * 0.25)
  }, 300_000)
})
