import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import type { Reply } from '../schema/session-port.ts'
import { FakeClock, settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive, invoke } from '../test/support/live.ts'
import { nodeSql } from '../test/support/node-sql.ts'
import { FIRST_KEYED_CID, keyedCid } from './cid.ts'
import { type Attempt, Idempotency } from './idempotency.ts'
import type { LiveSession } from './live-session.ts'
import { migrate } from './migrations.ts'

const DAY = 24 * 3_600_000
const fault = { code: '', delayMs: 0, count: 1, opcode: Opcode.MSG_SEND }

/** An online session, and its sends under a key. */
const enter = async () => {
  const rig = createLive()
  const { live, me, chatId } = await rig.online()
  const send = (words: string, idempotencyKey: string, session: LiveSession = live) =>
    invoke(session, 'sendText', { chatId, text: words }, { idempotencyKey })
  const texts = () => rig.sim.direct.messages(me.id, chatId).map(({ text }) => text)
  return { ...rig, live, me, chatId, send, texts }
}

describe('an Idempotency-Key on a send', () => {
  it('[ID1] gives the stored answer to the same request, and says so', async () => {
    const { send, texts } = await enter()
    const first = await send('a', 'key')
    expect(first.replayed).toBe(false)
    expect(await send('a', 'key')).toEqual({ ...first, replayed: true })
    expect(texts()).toEqual(['a'])
  })

  it('[ID2] is refused with another body or for another operation', async () => {
    const { live, send, texts } = await enter()
    await send('a', 'key')
    expect(await codeOf(send('b', 'key'))).toBe('IDEMPOTENCY_MISMATCH')
    expect(texts()).toEqual(['a'])
    expect(
      await codeOf(live.idempotency.run('key', ['other'], async () => ({ ok: true, data: {} }))),
    ).toBe('IDEMPOTENCY_MISMATCH')
  })

  it('[ID3] tells a second caller that the first one is not done', async () => {
    const { sim, me, send, texts } = await enter()
    sim.direct.fault({ ...fault, kind: 'slow', userId: me.id, delayMs: 1_000 })
    const first = send('a', 'key')
    await settle()
    expect(await codeOf(send('a', 'key'))).toBe('IN_PROGRESS')
    expect(await codeOf(send('b', 'key'))).toBe('IDEMPOTENCY_MISMATCH')
    void first.catch(() => {})
    expect(texts()).toEqual(['a'])
  })

  it('[ID4] keeps the refusal of MAX, with its words', async () => {
    const { sim, me, send } = await enter()
    sim.direct.fault({ ...fault, kind: 'error', userId: me.id, code: 'error.message.invalid' })
    expect(await codeOf(send('a', 'key'))).toBe('MAX_REFUSED')
    expect(await codeOf(send('a', 'key'))).toBe('MAX_REFUSED')
  })

  it('[ID5] survives a crash: the next call continues the same message', async () => {
    const { sim, me, chatId, send, texts, boot, pass } = await enter()
    sim.direct.fault({ ...fault, kind: 'drop', userId: me.id })
    void send('once', 'key').catch(() => {})
    await settle()
    const second = boot()
    const again = send('once', 'key', second)
    await pass(second, 10_000)
    const { messageId } = (await again).data
    expect(sim.direct.messages(me.id, chatId).map(({ id }) => String(id))).toEqual([messageId])
    expect(texts()).toEqual(['once'])
    expect(await send('once', 'key', second)).toEqual({ ...(await again), replayed: true })
  })

  it('[ID5] takes up a send that a caller stopped waiting for', async () => {
    const { sim, me, send, texts, pass, live } = await enter()
    sim.direct.fault({ ...fault, kind: 'hang', opcode: undefined, userId: me.id, count: 6 })
    const first = codeOf(send('patience', 'key'))
    await pass(live, 40_000)
    expect(await first).toBe('OUTCOME_UNKNOWN')
    sim.direct.clearFaults()
    await pass(live, 120_000)
    expect((await send('patience', 'key')).replayed).toBe(false)
    expect((await send('patience', 'key')).replayed).toBe(true)
    expect(texts()).toEqual(['patience'])
  })

  it('[ID5] reaches MAX under the same cid even when our storage is lost', async () => {
    const { sql, send, texts } = await enter()
    const first = await send('a', 'key')
    sql.all('DELETE FROM idempotency')
    sql.all('DELETE FROM sends')
    expect((await send('a', 'key')).data.messageId).toBe(first.data.messageId)
    expect(texts()).toEqual(['a'])
  })

  it('[ID6] is forgotten after a day, and then stands for a new message', async () => {
    const { send, texts, pass, live } = await enter()
    const first = await send('good morning', 'daily')
    await pass(live, DAY + 1_000)
    const second = await send('good morning', 'daily')
    expect(second.replayed).toBe(false)
    expect(second.data.messageId).not.toBe(first.data.messageId)
    expect(texts()).toEqual(['good morning', 'good morning'])
  })

  it('[ID7] fails closed: without storage nothing leaves', async () => {
    const { sql, send, texts } = await enter()
    sql.all('DROP TABLE idempotency')
    expect(await codeOf(send('a', 'key'))).toMatch(/no such table/)
    expect(texts()).toEqual([])
  })

  it('leaves the key open when the request was at fault before anything left', async () => {
    const { send, live, chatId, texts } = await enter()
    const blank = invoke(live, 'sendText', { chatId, text: ' ' }, { idempotencyKey: 'key' })
    expect(await codeOf(blank)).toBe('INVALID_INPUT')
    await send('corrected', 'key')
    expect(texts()).toEqual(['corrected'])
  })
})

describe('a create that cannot be repeated', () => {
  const setUp = () => {
    const clock = new FakeClock()
    const sql = nodeSql()
    migrate(sql)
    const open = () => new Idempotency({ sql, clock, isCidTaken: () => false })
    return { open }
  }
  const done: Reply = { ok: true, data: { chatId: -1 } }

  it('[ID5] answers OUTCOME_UNKNOWN after a crash in its middle', async () => {
    const { open } = setUp()
    void open().run('key', ['create'], async (attempt) => {
      attempt.write()
      return new Promise(() => {})
    })
    await settle()
    const create = (attempt: Attempt) => {
      attempt.write()
      return Promise.resolve(done)
    }
    expect(await codeOf(open().run('key', ['create'], create))).toBe('OUTCOME_UNKNOWN')
    expect(await codeOf(open().run('key', ['create'], create))).toBe('OUTCOME_UNKNOWN')
  })

  it('may be repeated when MAX refused, or when the crash came before it left', async () => {
    const { open } = setUp()
    void open().run('key', ['create'], async (attempt) => {
      attempt.cid()
      const takeBack = attempt.write()
      takeBack()
      return new Promise(() => {})
    })
    await settle()
    expect(await open().run('key', ['create'], async () => done)).toEqual(done)
    expect(await open().run('key', ['create'], async () => done)).toEqual({
      ...done,
      replayed: true,
    })
  })
})

describe('cids', () => {
  it('[SN7] of keys never meet those of times, nor each other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(9), fc.nat(9), (a, b, i, j) => {
        const cid = keyedCid(a, 'hash', 0, i)
        expect(Number.isSafeInteger(cid)).toBe(true)
        expect(cid).toBeGreaterThanOrEqual(FIRST_KEYED_CID)
        expect(cid === keyedCid(b, 'hash', 0, j)).toBe(a === b && i === j)
      }),
    )
    expect(FIRST_KEYED_CID).toBeGreaterThan(Date.UTC(9999, 0))
  })
})
