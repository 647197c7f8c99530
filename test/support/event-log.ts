import { LogReader } from '../../connector/log-reader.ts'
import { migrate } from '../../connector/migrations.ts'
import { ReaderStore } from '../../connector/reader-store.ts'
import { Store } from '../../connector/store.ts'
import { FakeClock } from './fake-clock.ts'
import { nodeSql } from './node-sql.ts'

interface NewEvent {
  type?: string
  chatId?: string
  /** Padding of the body. */
  bytes?: number
}

/** An event log with its reading end, on a still clock. */
export const createEventLog = () => {
  const clock = new FakeClock()
  const sql = nodeSql()
  migrate(sql)
  const open = () => {
    const store = new Store(sql)
    const reader = new LogReader({ store: new ReaderStore(sql), log: store, clock })
    return { store, reader }
  }
  let world = open()
  const append = ({ type = 'Message', chatId, bytes = 0 }: NewEvent = {}): number => {
    const { store, reader } = world
    const event = store.appendEvent(
      { type, lane: 0, createdAt: clock.now(), ...(chatId && { chatId }) },
      (sequence) => {
        const body = JSON.stringify({ sequence, type, padding: 'x'.repeat(bytes) })
        return { id: '', body }
      },
    )
    if (event === undefined) throw new Error('not appended')
    reader.appended(event)
    return event.sequence
  }
  return {
    clock,
    sql,
    get reader() {
      return world.reader
    },
    get store() {
      return world.store
    },
    append,
    fill: (count: number, event?: NewEvent): void => {
      for (let n = 0; n < count; n += 1) append(event)
    },
    /** What retention does. */
    deleteThrough: (sequence: number) =>
      sql.all('DELETE FROM events WHERE sequence <= ?', sequence),
    restart: () => {
      world = open()
    },
  }
}
