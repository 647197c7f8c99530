import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { meet } from '../test/support/away.ts'
import { settle } from '../test/support/fake-clock.ts'
import type { EventBody } from '../test/support/live.ts'
import type { SqlRow } from './sql.ts'

const MINUTE = 60_000

/** What can happen between two looks at the event log. */
type Step =
  | { kind: 'write'; chat: number; count: number }
  | { kind: 'edit' | 'delete'; nth: number }
  | { kind: 'drop' | 'crash' | 'cut off' | 'reachable' | 'until online' }
  | { kind: 'slow' | 'hang' | 'refuse'; opcode: number }
  | { kind: 'pass'; ms: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        chat: fc.nat({ max: 2 }),
        count: fc.constantFrom(1, 1, 2, 5),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('edit' as const, 'delete' as const),
        nth: fc.nat(),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        ms: fc.constantFrom(1, 100, 260, 600, 5_000, 70_000),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'drop',
          'crash',
          'cut off',
          'reachable',
          'until online',
          'until online',
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('slow' as const, 'hang' as const, 'refuse' as const),
        opcode: fc.constantFrom(Opcode.CHAT_HISTORY, Opcode.LOGIN, Opcode.MSG_GET),
      }),
    },
  ) as fc.Arbitrary<Step>,
  { minLength: 4, maxLength: 30 },
)

/** A message as the friend who wrote it knows it. */
interface Written {
  id: string
  chatId: number
  texts: string[]
  deleted: boolean
}

const play = async (script: Step[], hasJournal: boolean) => {
  const stage = await meet({ hasJournal })
  const { sim, me, friend, world, boot, pass, chatId } = stage
  const group = (title: string): number =>
    sim.direct.createGroup({ type: 'CHAT', ownerId: friend.id, title, userIds: [me.id] }).chat.id
  const chats = [chatId, group('A'), group('B')]
  const written: Written[] = []
  let { live } = stage
  for (const step of script) {
    const alive = written.filter(({ deleted }) => !deleted)
    switch (step.kind) {
      case 'write':
        for (let n = 0; n < step.count; n += 1) {
          const chat = chats[step.chat] ?? chatId
          const text = `message ${written.length}`
          written.push({ id: stage.write(text, chat), chatId: chat, texts: [text], deleted: false })
        }
        break
      case 'edit': {
        const message = alive[step.nth % alive.length]
        if (message === undefined) break
        message.texts.push(`${message.texts[0]}, ${message.texts.length}`)
        stage.edit(message.id, message.texts.at(-1) ?? '', message.chatId)
        // MAX tells edits apart by their millisecond.
        await stage.clock.advance(1)
        break
      }
      case 'delete': {
        const message = alive[step.nth % alive.length]
        if (message === undefined) break
        message.deleted = true
        stage.remove([message.id], message.chatId)
        break
      }
      case 'drop':
        sim.direct.close(me.id)
        break
      case 'crash':
        live = boot()
        break
      case 'cut off':
        world.refuseDials = true
        sim.direct.close(me.id)
        break
      case 'reachable':
        world.refuseDials = false
        break
      case 'until online':
        // What comes next meets a catch-up that has just begun.
        world.refuseDials = false
        for (let n = 0; n < 3_000 && live.status().state !== 'online'; n += 1) await pass(live, 100)
        break
      case 'pass':
        await pass(live, step.ms)
        break
      default: {
        const kind = step.kind === 'refuse' ? 'error' : step.kind
        const code = 'too.many.requests'
        const { opcode } = step
        sim.direct.fault({ kind, opcode, code, delayMs: 3_000, count: 1, userId: me.id })
      }
    }
    await settle()
  }
  world.refuseDials = false
  sim.direct.clearFaults()
  await pass(live, 15 * MINUTE)
  expect(live.status().state).toBe('online')
  return { ...stage, chats, written }
}

const idOf = ({ event, type, messageId }: EventBody): string =>
  type === 'MessageDelete' ? '' : String(messageId ?? event?.message?.id)

const toEntry = ({ sequence, body }: SqlRow) => [Number(sequence), String(body)] as const

describe('catching up, against a model', () => {
  it('[CU8] [JN3] [pain 1] [pain 8] [pain 9] loses, doubles and reorders nothing, without any help of MAX', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (script, hasJournal) => {
        const { logged, written, chats, sql, world } = await play(script, hasJournal)
        const log = logged()
        // What left is in the log as it left.
        const bodies = new Map(sql.all('SELECT sequence, body FROM events').map(toEntry))
        for (const { sequence, body } of world.delivered) expect(bodies.get(sequence)).toBe(body)
        const of = (type: string) => log.filter((body) => body.type === type)
        for (const { id, texts, deleted } of written) {
          const news = of('Message').filter((body) => idOf(body) === id)
          const all = log.filter((body) => idOf(body) === id)
          const goings = of('MessageDelete').filter((body) =>
            (body.messageIds as string[]).includes(id),
          )
          // Once; what was deleted before it could be seen may be missing.
          if (!deleted || news.length > 1) expect(news).toHaveLength(1)
          // First the message, then its edits, in the order they were made, each once.
          if (news.length === 1) expect(all[0]).toBe(news[0])
          const told = all.map((body) => texts.indexOf(body.event?.message?.text ?? ''))
          const edits = told.slice(1)
          expect(edits).toEqual([...new Set(edits)].sort((a, b) => a - b))
          if (!deleted) expect(told.at(-1)).toBe(texts.length - 1)
          // A message that was told of and deleted is told to be gone, once, at the end.
          expect(goings).toHaveLength(deleted && news.length === 1 ? 1 : goings.length > 0 ? 1 : 0)
          if (goings[0] && all.length > 0) {
            expect(goings[0].sequence).toBeGreaterThan(all.at(-1)?.sequence ?? 0)
          }
        }
        for (const chat of chats) {
          const ids = of('Message')
            .filter((body) => body.chatId === chat)
            .map(idOf)
          expect(ids).toEqual([...ids].sort())
        }
        expect(sql.all('SELECT * FROM held_pushes')).toEqual([])
      }),
      { numRuns: 200 },
    )
  }, 120_000)
})
