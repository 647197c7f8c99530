import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { type IdValue, narrow, publicValue } from '../ids.ts'
import { Opcode } from '../opcodes.ts'
import { USERS_PER_CALL, userIdInput } from '../people.ts'
import { PresenceModel, publicPresence } from '../presence.ts'
import type { SessionPort } from '../session-port.ts'
import { asMap, type WireMap, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

const userIds = z.array(userIdInput).min(1).max(USERS_PER_CALL)
const people = {
  userIds: userIds.optional().describe(`Up to ${USERS_PER_CALL}`),
  userId: userIdInput.optional().describe('One id; or give `userIds`'),
}

const idsOf = (input: {
  userIds?: IdValue[] | undefined
  userId?: IdValue | undefined
}): IdValue[] => {
  const ids = input.userIds ?? (input.userId === undefined ? [] : [input.userId])
  if (ids.length > 0) return ids
  throw new GatewayError('INVALID_INPUT', 'userIds is required', { field: 'userIds' })
}

/** MAX's word on each, by user id. */
const ask = async (session: SessionPort, ids: readonly IdValue[]): Promise<WireMap> => {
  const contactIds = ids.map(wireId)
  const { presence } = await session.call(Opcode.CONTACT_PRESENCE, { contactIds })
  return Object.fromEntries(Object.entries(asMap(presence)).filter(([id]) => /^\d+$/.test(id)))
}

const publicId = (id: string): number | string => publicValue(narrow(BigInt(id))) as number | string

const examplePresence = {
  userId: 240000035,
  online: true,
  lastSeen: 1790000000000,
  seen: 1790000000,
  status: 1,
}

export const presenceOperations = {
  getPresence: operation({
    method: 'POST',
    path: '/presence/get',
    scope: 'tenant',
    summary: 'Who is online, and who was when',
    description:
      'Whom MAX tells nothing about is left out. `lastSeen` is in Unix ms whatever unit MAX used.',
    reads: true,
    online: true,
    input: z.object(people),
    output: z.looseObject({ presence: z.array(PresenceModel), count: z.number() }),
    example: {
      input: { userIds: [240000035] },
      output: { presence: [examplePresence], count: 1 },
    },
    errors: maxErrors,
    run: async (session, input) => {
      const presence = Object.entries(await ask(session, idsOf(input))).map(([id, told]) =>
        publicPresence(id, asMap(told)),
      )
      return { presence, count: presence.length }
    },
  }),
  subscribePresence: operation({
    method: 'POST',
    path: '/presence/subscribe',
    scope: 'tenant',
    summary: 'Follow when people come and go',
    description:
      `MAX tells of its own accord about some people only. The gateway asks about those you follow (up ` +
      `to ${USERS_PER_CALL}) every minute while the session is online, and every change becomes a ` +
      '`PresenceUpdate` event. `subscribe: false` ends it. Survives restarts; a logout ends it for all.',
    online: true,
    input: z.object({
      ...people,
      subscribe: z.boolean().default(true).describe('`false` follows them no longer'),
    }),
    output: z.looseObject({
      message: z.string(),
      following: z.array(z.union([z.number(), z.string()])).describe('Everybody followed now'),
    }),
    example: {
      input: { userIds: [240000035] },
      output: { message: 'Subscribed', following: [240000035] },
    },
    errors: [...maxErrors, 'CONFLICT'],
    run: async (session, input) => {
      const ids = idsOf(input)
      if (input.subscribe) {
        session.presence.follow(ids, await ask(session, ids))
      } else {
        session.presence.unfollow(ids)
      }
      return {
        message: input.subscribe ? 'Subscribed' : 'Unsubscribed',
        following: session.presence.followed().map((id) => publicId(id)),
      }
    },
  }),
}
