import { asIdString, type WireMap } from './wire.ts'

/** Which messages a page holds: those between two ids, both exclusive, counted from one end. */
export interface PageRequest {
  limit: number
  /** Newest first from here downwards, or oldest first from here upwards. */
  from: { before: bigint } | { after: bigint }
}

export interface Page {
  /** Oldest first. */
  messages: WireMap[]
  /** Whether there are more beyond the page, in the direction it was counted. */
  hasMore: boolean
}

/** What {@link readPage} asks: `count` messages at most on one side of a time, that time included. */
export type ReadWindow = (window: {
  from: number
  backward: number
  forward: number
}) => Promise<WireMap[]>

/** Ids above this are those of messages; below it are times in Unix ms (§1.1). */
const TIME_LIMIT = 10n ** 15n
/** The largest page that is asked of MAX at once. */
const MAX_WINDOW = 400

/** The ids before or after a cursor, which is a message id or a time in Unix ms. */
export const before = (cursor: bigint): { before: bigint } => ({
  before: cursor < TIME_LIMIT ? cursor << 16n : cursor,
})
export const after = (cursor: bigint): { after: bigint } => ({
  after: cursor < TIME_LIMIT ? (cursor << 16n) | 0xffffn : cursor,
})
/** Up to a time, including it. */
export const until = (timeMs: number): { before: bigint } => ({
  before: (BigInt(timeMs) + 1n) << 16n,
})

/**
 * Exactly the messages of a page, by MAX's rule for windows (operations-and-events.md §3.2): they are
 * counted from a time, which several messages may share, and a window in the middle of a chat may
 * come short. MAX never says whether there is more, so one more than the page is asked for.
 */
export const readPage = async (read: ReadWindow, { limit, from }: PageRequest): Promise<Page> => {
  const backwards = 'before' in from
  const bound = backwards ? from.before : from.after
  const fits = ({ id }: WireMap): boolean => {
    const value = BigInt(asIdString(id) ?? 0)
    return backwards ? value < bound : value > bound
  }
  const ask = (time: number, count: number): Promise<WireMap[]> =>
    read({ from: time, backward: backwards ? count : 0, forward: backwards ? 0 : count })

  /** Looks past a window that came short: that need not be the end of the chat. */
  const goesOn = async (messages: WireMap[]): Promise<boolean> => {
    const id = asIdString((backwards ? messages[0] : messages.at(-1))?.id)
    if (id === undefined) return false
    const beyond = timeOf(BigInt(id)) + (backwards ? -1 : 1)
    return (await ask(beyond, 1)).some(fits)
  }

  for (let count = limit + 2; ; count = Math.min(count * 2, MAX_WINDOW)) {
    const window = await ask(timeOf(backwards ? bound - 1n : bound + 1n), count)
    const fitting = window.filter(fits)
    const found = fitting.length > limit
    const messages = backwards ? fitting.slice(-limit) : fitting.slice(0, limit)
    if (found || count >= MAX_WINDOW) return { messages, hasMore: found }
    if (window.length >= count) continue
    // A short window of the cursor's own millisecond alone: what comes next lies beyond it.
    const edge = edgeOf(bound, backwards)
    if (messages.length === 0 && window.length > 0 && edge !== bound) {
      return readPage(read, { limit, from: backwards ? { before: edge } : { after: edge } })
    }
    return { messages, hasMore: await goesOn(messages) }
  }
}

/** The first or the last id of an id's millisecond. */
const edgeOf = (id: bigint, backwards: boolean): bigint =>
  backwards ? (id >> 16n) << 16n : id | 0xffffn

const timeOf = (id: bigint): number => Number(id >> 16n)
