import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { type IdValue, idInput } from '../ids.ts'
import {
  composeText,
  formatFields,
  outgoingMessage,
  sendFields,
  type TextInput,
  textInput,
} from '../message-input.ts'
import { messageRef, resolveChat, target } from '../model.ts'
import { cancelAtMax, changeAtMax, queueAtMax, scheduleAtMax } from '../scheduled-at-max.ts'
import type { ScheduledSend, ScheduleTimes } from '../sends-port.ts'
import type { SessionPort } from '../session-port.ts'
import type { WireMap } from '../wire.ts'
import { operation, writeErrors } from './define.ts'
import { pageInput, SendStatusModel, sendIdInput } from './sends.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
const MIN_AHEAD_MS = 3 * SECOND_MS
const MAX_AHEAD_MS = 366 * DAY_MS
const DEFAULT_LATE_S = 3_600

const sendAtInput = z
  .union([
    z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
    z.int().min(0),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ])
  .describe(
    'When it is to leave: ISO 8601 with a zone (`2026-12-31T23:59:00+03:00`) or Unix milliseconds; from 3 seconds to a year ahead',
  )
const expiresAfterInput = z
  .int()
  .min(1)
  .max(7 * 86_400)
  .describe('Seconds after `sendAt` in which it may still leave late, when the session was away')
const via = z
  .enum(['gateway', 'max'])
  .default('gateway')
  .describe(
    'Who keeps it: `gateway`, which can tell what became of it, or `max`, whose apps then show it too',
  )

const ScheduledModel = SendStatusModel.extend({
  id: z.string().optional().describe('Our id, `msg_…`; what MAX keeps has a `messageId` instead'),
  via: z.enum(['gateway', 'max']),
  message: z.looseObject({}).describe('What it will say, in the form of a message of MAX'),
  createdAt: z.string().optional(),
  updatedAt: z.string().optional(),
}).meta({ id: 'ScheduledMessage' })

const kept = (send: ScheduledSend) => ({ ...send, via: 'gateway' as const })

/** When a message may leave, out of what the caller gave and what was decided before. */
const timesOf = (
  session: SessionPort,
  { sendAt, expiresAfter }: { sendAt: number; expiresAfter: number },
): ScheduleTimes => {
  const aheadMs = sendAt - session.now()
  if (aheadMs < MIN_AHEAD_MS || aheadMs > MAX_AHEAD_MS) {
    const text = 'sendAt: expected a time from 3 seconds to a year ahead'
    throw new GatewayError('INVALID_INPUT', text, { field: 'sendAt' })
  }
  return { sendAt, expiresAt: sendAt + expiresAfter * SECOND_MS }
}

/** Either our id or MAX's, with its chat. */
const which = {
  id: sendIdInput.optional(),
  messageId: messageRef.optional().describe('Instead of `id`, for what MAX keeps'),
  chatId: idInput.optional().describe('With `messageId`: its chat'),
}
const placeOf = (input: {
  id?: string | undefined
  messageId?: string | undefined
  chatId?: IdValue | undefined
}): { id: string } | { messageId: string; chatId: IdValue } => {
  const { id, messageId, chatId } = input
  if (id !== undefined) return { id }
  if (messageId !== undefined && chatId !== undefined) return { messageId, chatId }
  throw new GatewayError('INVALID_INPUT', 'id, or messageId and chatId, is required', {
    field: 'id',
  })
}

const contentOf = (input: TextInput): { text: string; elements: WireMap[] } => {
  const content = composeText(input)
  if (content.text.trim() !== '') return content
  throw new GatewayError('INVALID_INPUT', 'the text has nothing to show', { field: 'text' })
}

const example = {
  id: 'msg_mu9ph3s1',
  via: 'gateway',
  status: 'scheduled',
  chatId: 157880882,
  createdAt: '2026-09-21T14:13:20.100Z',
  updatedAt: '2026-09-21T14:13:20.100Z',
  sendAt: '2026-12-31T20:59:00.000Z',
  expiresAt: '2026-12-31T21:59:00.000Z',
  message: { text: 'Happy new year!', elements: [], attaches: [] },
  notify: true,
}

export const scheduleOperations = {
  scheduleMessage: operation({
    method: 'POST',
    path: '/chat/schedule',
    scope: 'tenant',
    summary: 'Send a text message later',
    description:
      'Takes what `/chat/send/text` takes, and when. The gateway keeps the message by default: it survives restarts, leaves as soon as the session is back when that was away (within `expiresAfter`, an hour by default), and its fate is at `GET /messages/{id}` and in `MessageStatus`. With `via: "max"` it goes into MAX’s own queue, which the apps show; nothing more is heard of it here until it arrives as a `Message`. A `phone` needs a session that is online.',
    example: {
      input: { chatId: 157880882, text: 'Happy new year!', sendAt: '2026-12-31T23:59:00+03:00' },
      output: example,
    },
    creates: true,
    input: z.object({
      ...target,
      text: textInput.min(1),
      ...formatFields,
      ...sendFields,
      sendAt: sendAtInput,
      expiresAfter: expiresAfterInput.default(DEFAULT_LATE_S),
      via,
    }),
    output: ScheduledModel,
    errors: [...writeErrors, 'NOT_CONNECTED', 'LOGIN_REQUIRED', 'CONFLICT'],
    run: async (session, input) => {
      const content = contentOf(input)
      const times = timesOf(session, input)
      if (session.userId === 0) throw new GatewayError('LOGIN_REQUIRED')
      const message = outgoingMessage(await resolveChat(session, input), input, content)
      if (input.via === 'max') return scheduleAtMax(session, message, times.sendAt)
      return kept(session.sends.schedule(message, { ...times, cid: session.newCid() }))
    },
  }),
  listScheduled: operation({
    method: 'GET',
    path: '/chat/scheduled',
    scope: 'tenant',
    summary: 'Messages that wait for their time, the next one first',
    description:
      'Those that the gateway keeps, of all chats or of one. `via=max` lists what MAX keeps for one chat, whoever put it there.',
    example: { input: { limit: 10 }, output: { messages: [example] } },
    input: z.object({
      chatId: idInput.optional().describe('Only this chat; required with `via=max`'),
      via,
      ...pageInput,
    }),
    output: z.looseObject({
      messages: z.array(ScheduledModel),
      nextCursor: z.string().optional().describe('Absent on the last page'),
    }),
    errors: [...writeErrors, 'NOT_CONNECTED'],
    run: async (session, input) => {
      const { chatId } = input
      if (input.via === 'gateway') {
        const { items, ...rest } = session.sends.scheduled(input)
        return { messages: items.map(kept), ...rest }
      }
      if (chatId === undefined) {
        throw new GatewayError('INVALID_INPUT', 'chatId is required with via=max', {
          field: 'chatId',
        })
      }
      return { messages: await queueAtMax(session, chatId) }
    },
  }),
  updateScheduled: operation({
    method: 'POST',
    path: '/chat/scheduled/update',
    scope: 'tenant',
    summary: 'Change a message that waits for its time',
    description:
      'What is not given stays as it is. A new `sendAt` moves the end of `expiresAfter` with it. CONFLICT once the message has begun to leave.',
    example: {
      input: { id: 'msg_mu9ph3s1', sendAt: 1798750740000 },
      output: example,
    },
    input: z.object({
      ...which,
      text: textInput.min(1).optional(),
      ...formatFields,
      notify: sendFields.notify.unwrap().optional().describe('false sends without a sound'),
      sendAt: sendAtInput.optional(),
      expiresAfter: expiresAfterInput.optional(),
    }),
    output: ScheduledModel,
    errors: [...writeErrors, 'NOT_CONNECTED', 'CONFLICT'],
    run: async (session, input) => {
      const place = placeOf(input)
      const { text, notify } = input
      const content = text === undefined ? undefined : contentOf({ ...input, text })
      if ('messageId' in place) {
        const { sendAt } = input
        if (sendAt !== undefined) timesOf(session, { sendAt, expiresAfter: 0 })
        return changeAtMax(session, place, { ...content, sendAt })
      }
      const change = content === undefined ? {} : { message: content }
      const times = changedTimes(session, place.id, input)
      return kept(session.sends.reschedule(place.id, { ...change, ...times, notify }))
    },
  }),
  cancelScheduled: operation({
    method: 'POST',
    path: '/chat/scheduled/cancel',
    scope: 'tenant',
    summary: 'Cancel a message that waits for its time',
    description: 'CONFLICT once it has begun to leave.',
    example: {
      input: { id: 'msg_mu9ph3s1' },
      output: { id: 'msg_mu9ph3s1', status: 'canceled', chatId: 157880882 },
    },
    input: z.object(which),
    output: z.looseObject({
      id: z.string().optional(),
      messageId: z.string().optional(),
      status: z.literal('canceled'),
    }),
    errors: [...writeErrors, 'NOT_CONNECTED', 'CONFLICT'],
    run: async (session, input) => {
      const place = placeOf(input)
      if ('messageId' in place) {
        await cancelAtMax(session, place)
        return { ...place, status: 'canceled' as const }
      }
      return { ...session.sends.cancel(place.id), status: 'canceled' as const }
    },
  }),
}

/** The times after a change: the span in which the message may be late stays when none is given. */
const changedTimes = (
  session: SessionPort,
  id: string,
  { sendAt, expiresAfter }: { sendAt?: number | undefined; expiresAfter?: number | undefined },
): Partial<ScheduleTimes> => {
  if (sendAt === undefined && expiresAfter === undefined) return {}
  const before = session.sends.find(id)
  const oldSendAt = Date.parse(before.sendAt ?? '')
  const oldLateMs = Date.parse(before.expiresAt ?? '') - oldSendAt
  const late = expiresAfter ?? Math.round(oldLateMs / SECOND_MS)
  // One that is no longer scheduled has no such times; `reschedule` refuses it by name.
  if (Number.isNaN(late)) return {}
  return sendAt === undefined
    ? { expiresAt: oldSendAt + late * SECOND_MS }
    : timesOf(session, { sendAt, expiresAfter: late })
}
