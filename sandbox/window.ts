import type { Message } from './records.ts'

/** Index of the first message whose id is at least `id`; messages ascend by id. */
export const firstAtLeast = (messages: readonly Message[], id: bigint): number => {
  let low = 0
  let high = messages.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const message = messages[middle]
    if (message && message.id < id) low = middle + 1
    else high = middle
  }
  return low
}

export interface Window {
  /** Anchor time. */
  from: number
  backward: number
  forward: number
}

/**
 * The measured rule of CHAT_HISTORY (operations-and-events.md §3.2): `backward` counts messages with
 * `time <= from`, `forward` those after it; but with `backward: 0`, `forward` starts with the message
 * at `from`. Messages the viewer removed do not count.
 */
export const historyWindow = (
  messages: readonly Message[],
  window: Window,
  isVisible: (message: Message) => boolean,
): Message[] => {
  const { from, backward, forward } = window
  const after = firstAtLeast(messages, BigInt(from + 1) << 16n)
  const start = backward > 0 ? after : firstAtLeast(messages, BigInt(from) << 16n)
  const older = take(messages, after - 1, -1, backward, isVisible).reverse()
  return [...older, ...take(messages, start, 1, forward, isVisible)]
}

const take = (
  messages: readonly Message[],
  start: number,
  step: 1 | -1,
  count: number,
  isVisible: (message: Message) => boolean,
): Message[] => {
  const taken: Message[] = []
  for (let at = start; taken.length < count; at += step) {
    const message = messages[at]
    if (!message) break
    if (isVisible(message)) taken.push(message)
  }
  return taken
}
