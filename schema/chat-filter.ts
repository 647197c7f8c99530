import type { ChatFilter } from './webhooks-port.ts'

/** Whether a filter lets an event of a chat through; events of no chat (`null`) always pass. */
export const isChatWanted = (filter: ChatFilter | null, chatId: string | null): boolean => {
  if (filter === null || chatId === null) return true
  if (filter.exclude?.includes(chatId)) return false
  return filter.include === undefined || filter.include.includes(chatId)
}
