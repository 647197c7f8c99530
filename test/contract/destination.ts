import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Destination } from '../../connector/destination.ts'
import type { LoggedEvent } from '../../connector/store.ts'

/** What a receiver of a destination got, in the terms that all kinds have. */
export interface Got {
  /** The bytes of one event. */
  body: string
  /** By these a consumer tells a repeated event, without reading the body. */
  id: string
  type: string
}

/** A kind of destination with its receiver, as the suite drives it. */
export interface Stand {
  destination: Destination
  /** Everything received so far, oldest first. */
  got(): Promise<Got[]>
  /** From now on the receiver refuses, until `mend`. */
  breakReceiver(): void
  mend(): void
  /** The same destination with credentials that the receiver does not take; it holds `wrong-secret`. */
  withWrongSecret?(): Destination
  close?(): Promise<void>
}

export const loggedEvent = (sequence: number, more: Partial<LoggedEvent> = {}): LoggedEvent => {
  const id = `evt_${sequence}`
  return {
    sequence,
    id,
    type: 'Message',
    lane: 0,
    chatId: '7',
    createdAt: 1_790_000_000_000 + sequence,
    body: JSON.stringify({ id, sequence, type: 'Message', instanceID: 't-1', text: 'Привет 👋' }),
    ...more,
  }
}

/** What every kind of destination must do; run over each of them. */
export const describeDestination = (name: string, open: () => Promise<Stand>): void => {
  describe(`${name} as a destination`, () => {
    let stand: Stand
    beforeAll(async () => {
      stand = await open()
    })
    afterAll(() => stand.close?.())
    const first = { attempt: 1, replay: false }

    it('[DE1] hands over the stored bytes, with id and type', async () => {
      const event = loggedEvent(1)
      expect(await stand.destination.deliver([event], first)).toMatchObject({ kind: 'delivered' })
      expect((await stand.got()).at(-1)).toEqual({ body: event.body, id: 'evt_1', type: 'Message' })
    })

    it('[DE2] lets the receiver see that an event comes again', async () => {
      const event = loggedEvent(2)
      await stand.destination.deliver([event], first)
      await stand.destination.deliver([event], { attempt: 2, replay: false })
      const ids = (await stand.got()).map(({ id }) => id).filter((id) => id === 'evt_2')
      // A place that holds an event once shows it once.
      expect(new Set(ids)).toEqual(new Set(['evt_2']))
    })

    it('[DE3] does not mix what goes out at once', async () => {
      const events = Array.from({ length: 8 }, (_, n) => loggedEvent(10 + n))
      const outcomes = await Promise.all(
        events.map((event) => stand.destination.deliver([event], first)),
      )
      expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true)
      const got = new Map((await stand.got()).map((each) => [each.id, each.body]))
      for (const { id, body } of events) expect(got.get(id)).toBe(body)
    })

    it('[DE4] calls a refusal a failure, and delivers afterwards', async () => {
      const event = loggedEvent(30)
      stand.breakReceiver()
      const refused = await stand.destination.deliver([event], first)
      stand.mend()
      expect(refused).toMatchObject({ kind: 'failed', error: expect.any(String) })
      let outcome = await stand.destination.deliver([event], { attempt: 2, replay: false })
      // A line that was cut may need a moment to be back; each attempt ends by itself.
      for (let attempt = 3; outcome.kind !== 'delivered' && attempt < 9; attempt += 1) {
        outcome = await stand.destination.deliver([event], { attempt, replay: false })
      }
      expect(outcome.kind).toBe('delivered')
      expect((await stand.got()).at(-1)?.id).toBe('evt_30')
    }, 60_000)

    it('[DE5] tells no secret when its credentials are refused', async () => {
      const destination = stand.withWrongSecret?.()
      if (destination === undefined) return
      const outcome = await destination.deliver([loggedEvent(40)], first)
      expect(outcome.kind).toBe('failed')
      expect(JSON.stringify(outcome)).not.toContain('wrong-secret')
    }, 30_000)
  })
}

/** The events in an archived object. */
export const eventsOf = (packed: Uint8Array): Got[] =>
  gunzipSync(packed)
    .toString()
    .trimEnd()
    .split('\n')
    .map((body) => {
      const { id, type } = JSON.parse(body) as { id: string; type: string }
      return { body, id, type }
    })
