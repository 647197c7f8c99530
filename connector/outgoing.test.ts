import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GatewayError } from '../schema/errors.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive } from '../test/support/live.ts'

const text = (chatId: number, words: string) => ({
  chatId,
  message: { text: words, elements: [], attaches: [] },
  notify: true,
})

describe('sending', () => {
  it('[SN1] a message is written down before it goes out', async () => {
    const { online, sql, sim } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.fault({ kind: 'hang', userId: me.id, opcode: 64, code: '', delayMs: 0, count: 99 })
    void live.send(text(chatId, 'hello')).catch(() => {})
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'sending' }])
  })

  it('[SN2] a lost answer is repeated under the same cid: one message exists', async () => {
    const { online, sim, clock } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.fault({ kind: 'hang', userId: me.id, opcode: 64, code: '', delayMs: 0, count: 1 })
    const sending = live.send(text(chatId, 'once'))
    await clock.advance(11_000)
    const sent = await sending
    const messages = sim.direct.messages(me.id, chatId)
    expect(messages).toHaveLength(1)
    expect(String(messages[0]?.id)).toBe(sent.messageId)
  })

  it('[SN3] a send that a crash interrupted is finished after the restart, once', async () => {
    const { online, sim, boot, pass, sql } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.fault({ kind: 'drop', userId: me.id, opcode: 64, code: '', delayMs: 0, count: 1 })
    void live.send(text(chatId, 'crash')).catch(() => {})
    await settle()
    const second = boot()
    await pass(second, 10_000)
    expect(second.status().pendingSends).toBe(0)
    expect(sim.direct.messages(me.id, chatId)).toHaveLength(1)
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'sent' }])
  })

  it('[SN5] the refusal of MAX comes out with its words and is final', async () => {
    const { online, sql, clock } = createLive()
    const { live } = await online()
    const error = await live.send(text(-1, 'nowhere')).catch((thrown: GatewayError) => thrown)
    expect((error as GatewayError).data.maxError?.code).toMatch(/not\.found/)
    await clock.advance(1_000)
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'failed' }])
  })

  it('[SN6] without any answer the outcome is unknown to the caller and stays on record', async () => {
    const { online, sim, pass, sql } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.fault({ kind: 'hang', userId: me.id, opcode: 64, code: '', delayMs: 0, count: 99 })
    const outcome = codeOf(live.send(text(chatId, 'x')))
    await pass(live, 31_000)
    expect(await outcome).toBe('OUTCOME_UNKNOWN')
    await pass(live, 1_000)
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'unknown' }])
  })

  it('[SN7] two messages in the same millisecond get different cids', async () => {
    const { online, sim } = createLive()
    const { live, me, chatId } = await online()
    await Promise.all(['a', 'b', 'c'].map((words) => live.send(text(chatId, words))))
    expect(sim.direct.messages(me.id, chatId).map((message) => message.text)).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  it('[SN9] a message taken while the session is away is queued and goes out when it is back', async () => {
    const { online, sim, pass, sql } = createLive()
    const { live, me, chatId } = await online()
    sim.direct.close(me.id)
    await settle()
    const sending = live.send(text(chatId, 'later'))
    expect(sql.all('SELECT state FROM sends')).toEqual([{ state: 'queued' }])
    await pass(live, 5_000)
    expect((await sending).messageId).toBe(String(sim.direct.messages(me.id, chatId)[0]?.id))
  })

  it('[SN8] for any mix of faults, drops and crashes, no message exists twice and none is lost', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ do: 'send' as const }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('fault' as const),
          kind: fc.constantFrom('hang', 'drop', 'slow', 'garbage'),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('time' as const),
          ms: fc.constantFrom(5, 500, 12_000),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
      { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (script) => {
        const rig = createLive()
        const { me, chatId, ...first } = await rig.online()
        let { live } = first
        const outcomes = new Map<string, string>()
        for (const action of script) {
          if (action.do === 'send') {
            const words = `message ${outcomes.size}`
            outcomes.set(words, 'pending')
            // Sends while the session is away are refused before they are written down.
            const sending = live.requireOnline().then(() => live.send(text(chatId, words)))
            sending.then(
              () => outcomes.set(words, 'sent'),
              (error: GatewayError) => outcomes.set(words, error.code),
            )
          } else if (action.do === 'fault') {
            const { kind } = action
            rig.sim.direct.fault({
              kind,
              userId: me.id,
              opcode: 64,
              code: '',
              delayMs: 800,
              count: 1,
            })
          } else if (action.do === 'time') await rig.pass(live, action.ms)
          else if (action.do === 'close') rig.sim.direct.close(me.id)
          else live = rig.boot()
          await settle()
        }
        rig.sim.direct.clearFaults()
        await rig.pass(live, 400_000)
        expect(live.status()).toMatchObject({ state: 'online', pendingSends: 0 })
        const existing = rig.sim.direct.messages(me.id, chatId).map((message) => message.text)
        expect(new Set(existing).size).toBe(existing.length)
        const recorded = rig.sql.all('SELECT request, state FROM sends')
        for (const { request, state } of recorded) {
          const words = JSON.parse(String(request)).message.text as string
          // Written down means: it exists, unless its outcome is openly unknown.
          if (state !== 'unknown') expect(existing).toContain(words)
        }
        for (const [words, outcome] of outcomes) {
          if (outcome === 'sent') expect(existing).toContain(words)
          if (outcome === 'NOT_CONNECTED') expect(existing).not.toContain(words)
        }
      }),
      { numRuns: 150 },
    )
  })
})
