import { describe, expect, it } from 'vitest'
import type { Destination, Outcome } from '../../connector/destination.ts'
import type { LoggedEvent } from '../../connector/store.ts'

/** What a receiver can do wrong. */
export type Fault =
  /** Takes the event and never says so. */
  | 'silent'
  /** Says that it cannot take it now. */
  | 'failing'
  /** Does not accept our credentials. */
  | 'unauthorized'
  /** Wants nothing more, ever. */
  | 'gone'
  /** Takes it, and answers without an end. */
  | 'endless'

/** An event as it arrived. */
export interface Arrived {
  id: string
  type: string
  /** Unix seconds of the event or of the attempt. */
  timestamp: number
  /** The event's bytes. */
  body: string
}

/** A destination and what is behind it. Each test gets its own. */
export interface DestinationWorld {
  destination: Destination
  /** What no outcome may repeat: keys, passwords, URLs that hold them. */
  secrets: readonly string[]
  /** Once so many different events arrived: all that did, in order, repeated ones among them. */
  arrived(count: number): Promise<readonly Arrived[]>
  /** From now on the receiver behaves like that. */
  misbehave(fault: Fault): void
  /** Lets as much time pass as a destination may take. */
  runOut(): Promise<void>
}

export interface DestinationKind {
  /** A fresh world for one test; what it opened is closed when the test ends. */
  create(): Promise<DestinationWorld>
  /** The faults that a receiver of this kind knows. */
  faults: readonly Fault[]
  /** What comes again replaces what is there: a reader sees it once. */
  keepsOnce?: true
}

const eventOf = (sequence: number, text = 'Привет, 🌍'): LoggedEvent => {
  const id = `evt_${sequence.toString(16).padStart(32, '0')}`
  return {
    sequence,
    id,
    type: sequence % 2 === 0 ? 'Typing' : 'Message',
    lane: 0,
    chatId: '42',
    createdAt: 1_790_000_000_123 + sequence,
    body: JSON.stringify({ id, sequence, event: { text, big: '117309440008060929' } }),
  }
}
const first = { attempt: 1, replay: false }

/** What every kind of destination promises (`connector/destination.ts`). */
export const destinationContract = (
  name: string,
  { create, faults, keepsOnce }: DestinationKind,
): void => {
  describe(`destination: ${name}`, () => {
    it('[defect 19] [DC1] delivers the stored bytes, with id, type and time', async () => {
      const { destination, arrived } = await create()
      const event = eventOf(1)
      expect((await destination.deliver([event], first)).kind).toBe('delivered')
      const [one] = await arrived(1)
      expect(one).toMatchObject({ id: event.id, type: event.type, body: event.body })
      expect(one?.timestamp).toBeGreaterThan(1_700_000_000)
      expect(one?.timestamp).toBeLessThan(10_000_000_000)
    })

    it('[DC2] delivers the same event again so that it can be known again', async () => {
      const { destination, arrived } = await create()
      const event = eventOf(3)
      await destination.deliver([event], first)
      await destination.deliver([event], { attempt: 2, replay: false })
      await destination.deliver([eventOf(5)], first)
      const all = await arrived(2)
      const again = all.filter(({ id }) => id === event.id)
      expect(again).toHaveLength(keepsOnce ? 1 : 2)
      for (const { body } of again) expect(body).toBe(event.body)
    })

    it('[DC3] does not mix events that are under way at once', async () => {
      const { destination, arrived } = await create()
      const events = Array.from({ length: 20 }, (_, i) => eventOf(i + 1, `text ${i}`))
      const outcomes = await Promise.all(events.map((event) => destination.deliver([event], first)))
      expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true)
      const all = await arrived(events.length)
      const facts = ({ id, type, body }: Pick<Arrived, 'id' | 'type' | 'body'>) => ({
        id,
        type,
        body,
      })
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
      expect(all.map(facts).sort(byId)).toEqual(events.map(facts).sort(byId))
    })

    it('[DC4] wants events by what is known of them, without a look at the body', async () => {
      const { destination } = await create()
      expect(destination.wants({ type: 'Message', chatId: null })).toBeTypeOf('boolean')
      expect(destination.wants({ type: 'Message', chatId: '42' })).toBeTypeOf('boolean')
    })

    const expectations: Record<Fault, Outcome['kind']> = {
      silent: 'failed',
      failing: 'failed',
      unauthorized: 'failed',
      gone: 'gone',
      endless: 'delivered',
    }
    it.each(faults)('[DC5] says what a receiver that is %s means, and no secret', async (fault) => {
      const { destination, misbehave, runOut, secrets } = await create()
      misbehave(fault)
      const attempt = destination.deliver([eventOf(1)], first)
      await runOut()
      const outcome = await attempt
      expect(outcome.kind).toBe(expectations[fault])
      if (outcome.kind !== 'delivered') expect(outcome.error).not.toBe('')
      expect(outcome.answer?.body.length ?? 0).toBeLessThanOrEqual(1024)
      for (const secret of secrets) expect(JSON.stringify(outcome)).not.toContain(secret)
    })
  })
}
