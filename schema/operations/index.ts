import type { z } from 'zod'
import { accountOperations } from './account.ts'
import { adminOperations } from './admin.ts'
import { authOperations } from './auth.ts'
import { cardOperations } from './cards.ts'
import { chatActionOperations } from './chat-actions.ts'
import { chatReactionOperations } from './chat-reactions.ts'
import { chatOperations } from './chats.ts'
import { contactOperations } from './contacts.ts'
import type { Operation } from './define.ts'
import { draftOperations } from './drafts.ts'
import { eventOperations } from './events.ts'
import { folderOperations } from './folders.ts'
import { groupSettingsOperations } from './group-settings.ts'
import { groupOperations } from './groups.ts'
import { historyOperations } from './history.ts'
import { markOperations } from './marks.ts'
import { mediaOperations } from './media.ts'
import { memberOperations } from './members.ts'
import { messageToolOperations } from './message-tools.ts'
import { messageOperations } from './messages.ts'
import { pollOperations } from './polls.ts'
import { presenceOperations } from './presence.ts'
import { rabbitmqOperations } from './rabbitmq.ts'
import { reactionOperations } from './reactions.ts'
import { sandboxOperations } from './sandbox.ts'
import { scheduleOperations } from './schedule.ts'
import { searchOperations } from './search.ts'
import { sendOperations } from './sends.ts'
import { sessionOperations } from './session.ts'
import { storageOperations } from './storage.ts'
import { userOperations } from './users.ts'
import { webhookOperations } from './webhook.ts'
import { webhookDeliveryOperations } from './webhook-deliveries.ts'
import { webhookEndpointOperations } from './webhook-endpoints.ts'

/** The table of REST operations. Adding one row adds the route, its validation and its documents. */
export const operations = {
  ...adminOperations,
  ...sessionOperations,
  ...authOperations,
  ...webhookOperations,
  ...webhookEndpointOperations,
  ...webhookDeliveryOperations,
  ...messageOperations,
  ...cardOperations,
  ...historyOperations,
  ...searchOperations,
  ...markOperations,
  ...reactionOperations,
  ...pollOperations,
  ...messageToolOperations,
  ...sendOperations,
  ...scheduleOperations,
  ...mediaOperations,
  ...storageOperations,
  ...groupOperations,
  ...userOperations,
  ...groupSettingsOperations,
  ...memberOperations,
  ...chatOperations,
  ...chatActionOperations,
  ...chatReactionOperations,
  ...folderOperations,
  ...contactOperations,
  ...presenceOperations,
  ...accountOperations,
  ...draftOperations,
  ...rabbitmqOperations,
  ...sandboxOperations,
  ...eventOperations,
}

export type OperationName = keyof typeof operations
/** Parsed input of an operation. */
export type Input<Name extends OperationName> = z.output<(typeof operations)[Name]['input']>

type Rows = typeof operations
/** Operations without `run`: the edge serves them itself. */
export type EdgeOperationName = {
  [Name in OperationName]: Rows[Name] extends
    | { run: unknown }
    | { media: unknown }
    | { stream: unknown }
    ? never
    : Name
}[OperationName]
/** Operations that move content. */
export type MediaOperationName = {
  [Name in OperationName]: Rows[Name] extends { media: 'in' | 'out' } ? Name : never
}[OperationName]

/** The row behind a name that came over RPC. */
export const findOperation = (name: string): Operation | undefined =>
  Object.hasOwn(operations, name)
    ? (operations[name as OperationName] as unknown as Operation)
    : undefined

export type { Method, Operation, Scope } from './define.ts'
