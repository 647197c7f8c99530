import { ALL_PERMISSIONS, type Permission, permissionBits } from '../schema/permissions.ts'
import { Refusal } from './refusal.ts'
import type { ChatState } from './world.ts'

/** Who may do what in a group or channel (operations-and-events.md §2.8, §2.9). */

/** The bits a person has; the owner has them all, an ordinary member none. */
export const permissionsOf = ({ chat }: ChatState, userId: number): number =>
  chat.ownerId === userId ? ALL_PERMISSIONS : (chat.admins[userId]?.permissions ?? 0)

export const isAdmin = ({ chat }: ChatState, userId: number): boolean =>
  chat.ownerId === userId || chat.admins[userId] !== undefined

export const may = (state: ChatState, userId: number, permission: Permission): boolean =>
  (permissionsOf(state, userId) & permissionBits[permission]) !== 0

/** What a member may do unless the group keeps it for its administrators. Never in channels. */
export const memberMay = ({ chat }: ChatState, isReserved: boolean | undefined): boolean =>
  chat.type === 'CHAT' && isReserved !== true

export const noAccess = (): Refusal => new Refusal('error.message.chat.access', 'FAIL_FORBIDDEN')
