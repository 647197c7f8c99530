import { describe, expect, it } from 'vitest'
import type { Settings } from '../sandbox/settings.ts'
import { Opcode } from '../schema/opcodes.ts'
import { asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { content } from '../test/support/content.ts'
import { settle } from '../test/support/fake-clock.ts'
import { codeOf, createLive } from '../test/support/live.ts'

/** A session, and a file that MAX has and has not processed yet. */
const withFile = async (
  settings: Partial<Settings> = {},
  fault?: 'never_ready' | 'processing_failed',
) => {
  const stage = createLive({ settings })
  const { live, me, chatId } = await stage.online()
  if (fault) {
    stage.sim.direct.fault({ kind: fault, userId: me.id, code: '', delayMs: 0, count: 1 })
  }
  const slot = asMap(asMaps((await live.call(Opcode.FILE_UPLOAD, { count: 1 })).info)[0])
  await stage.sim.media.serve(
    new Request(String(slot.url), {
      method: 'POST',
      body: content('pdf', 100),
      headers: { 'content-range': '0-99/100' },
    }),
  )
  const message = (attach: WireMap) => ({ chatId, message: { attaches: [attach] }, notify: true })
  const attach = { _type: 'FILE', fileId: slot.fileId }
  const states = () => stage.sql.all('SELECT state FROM sends').map((row) => row.state)
  return {
    ...stage,
    live,
    me,
    chatId,
    message: message(attach),
    awaits: [`file:${slot.fileId}`],
    states,
  }
}

describe('a message with an upload', () => {
  it('[SN13] waits for MAX to say that it is processed, and goes out then', async () => {
    const { live, message, awaits, states, clock, sim, me, chatId } = await withFile()
    const sending = live.send(message, { awaits })
    await settle()
    expect(states()).toEqual(['processing'])
    await clock.advance(300)
    expect((await sending).messageId).toMatch(/^\d{18}$/)
    expect(sim.direct.messages(me.id, chatId)).toHaveLength(1)
  })

  it.each([
    'attachment.not.ready',
    'errors.process.attachment',
  ] as const)('[SN14] is repeated under its cid while MAX refuses with %s', async (notReady) => {
    const settings = { notReady, readyDelayMs: 8_000 }
    const { live, message, states, clock, sim, me, chatId } = await withFile(settings)
    // Nobody told what to wait for: the refusal alone must do.
    const sending = live.send(message)
    await settle()
    expect(states()).toEqual(['processing'])
    await clock.advance(12_000)
    expect((await sending).messageId).toMatch(/^\d{18}$/)
    expect(sim.direct.messages(me.id, chatId)).toHaveLength(1)
  })

  it('[SN14] goes on waiting behind a caller who gave up, and over a crash', async () => {
    const stage = await withFile({ readyDelayMs: 60_000 })
    const { live, message, awaits, clock, boot, pass, sim, me, chatId } = stage
    const sending = codeOf(live.send(message, { awaits, patienceMs: 5_000 }))
    await clock.advance(5_000)
    expect(await sending).toBe('OUTCOME_UNKNOWN')
    await pass(boot(), 70_000)
    expect(sim.direct.messages(me.id, chatId)).toHaveLength(1)
    expect(stage.states()).toEqual(['sent'])
  })

  it('[SN15] ends with the refusal of MAX when processing fails', async () => {
    const { live, message, awaits, clock, states } = await withFile({}, 'processing_failed')
    const sending = codeOf(live.send(message, { awaits }))
    await clock.advance(1_000)
    expect(await sending).toBe('MAX_REFUSED')
    await clock.advance(1_000)
    expect(states()).toEqual(['failed'])
  })

  it('[SN15] ends with the refusal of MAX, not as unknown, when it is never ready', async () => {
    const { live, message, awaits, pass, states } = await withFile({}, 'never_ready')
    const sending = codeOf(live.send(message, { awaits, patienceMs: 3_600_000 }))
    await pass(live, 11 * 60_000)
    expect(await sending).toBe('MAX_REFUSED')
    await pass(live, 1_000)
    expect(states()).toEqual(['failed'])
  })
})
