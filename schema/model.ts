import { z } from 'zod'
import { GatewayError } from './errors.ts'
import { type IdValue, idInput, messageIdInput, narrow, publicValue } from './ids.ts'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import { asIdString, asMap, asMaps, type WireMap } from './wire.ts'

/** Shapes our users see, shared by operations. MAX's objects are open: unknown fields pass through. */
export const MessageModel = z
  .looseObject({
    id: z.string(),
    chatId: z.union([z.number(), z.string()]),
    time: z.number(),
    type: z.string(),
    text: z.string().optional(),
    sender: z.number().optional(),
    attaches: z.array(z.looseObject({})),
  })
  .meta({ id: 'Message' })

/**
 * A message as our users get it: whole, with its chat, its lists there whatever MAX sent, and every
 * element with its start, which MAX leaves out when it is 0.
 */
export const publicMessage = (message: WireMap, chatId: IdValue) => ({
  chatId,
  ...(publicValue(message, true) as Record<string, unknown>),
  attaches: asMaps(message.attaches).map((attach) => publicValue(attach)),
  elements: asMaps(message.elements).map((element) => ({
    from: 0,
    ...(publicValue(element) as Record<string, unknown>),
  })),
})

/** The id of a message that exists; 0 is none. */
export const messageRef = messageIdInput
  .refine((id) => BigInt(id) > 0n, 'expected the id of a message')
  .describe('Message id, 18 digits, as a string or a number')

/** Ids of messages, at least one. */
export const messageRefs = z.array(messageRef).min(1).max(200)

const anyId = z.union([z.number(), z.string()])
export const mutedUntil = z
  .union([z.literal('forever'), z.number()])
  .describe('Unix ms, or `forever`')

/** A dialog, group or channel (operations-and-events.md §2.7). */
export const ChatModel = z
  .looseObject({
    id: anyId,
    type: z.string().describe('`DIALOG`, `CHAT` (a group) or `CHANNEL`'),
    status: z.string().optional().describe('`ACTIVE`, `LEFT`, `REMOVED`, `HIDDEN` …'),
    title: z.string().optional().describe('Dialogs have none'),
    description: z.string().optional(),
    owner: anyId.optional().describe('0 in channels of others'),
    access: z.string().optional().describe('`PUBLIC` or `PRIVATE`'),
    link: z.string().optional().describe('Invite link, or public link'),
    participants: z.record(z.string(), z.unknown()).optional().describe('Read mark by user id'),
    participantsCount: z.number().optional(),
    admins: z.array(anyId).optional(),
    options: z.record(z.string(), z.unknown()).optional(),
    newMessages: z.number().optional().describe('Unread messages'),
    lastEventTime: z.number().optional().describe('Unix ms'),
    mutedUntil: mutedUntil.optional(),
    myRole: z.enum(['owner', 'admin', 'member']).optional().describe('Not in dialogs'),
    myPermissions: z.array(z.string()).optional().describe('What the account may do there'),
  })
  .meta({ id: 'Chat' })

export const ContactModel = z.looseObject({ id: z.number() }).meta({ id: 'Contact' })

/** A phone number as callers write it: E.164 digits with or without the plus. */
export const phoneText = z
  .string()
  .trim()
  .regex(/^\+?\d{10,15}$/, 'expected 10 to 15 digits with an optional plus')
/** The form that MAX wants. */
export const e164 = (phone: string): string => `+${phone.replace('+', '')}`
export const phoneInput = phoneText.transform(e164)

/** A chat target: `chatId`, or `phone` or `userId` of somebody on MAX. Chat 0 is Saved Messages. */
export const target = {
  chatId: idInput.optional().describe('Chat, 0 = Saved Messages'),
  phone: z
    .union([phoneInput, z.literal('')])
    .optional()
    .describe('Instead of `chatId`: phone number of somebody on MAX, with or without the plus'),
  userId: idInput.optional().describe('Instead of `chatId`: MAX user id of a person'),
}

/** Id of the dialog with a person (operations-and-events.md §1.1); with oneself it is 0. */
const dialogWith = (session: SessionPort, userId: bigint): IdValue =>
  narrow(BigInt(session.userId) ^ userId)

/**
 * The chat a target means: a `chatId` but 0 wins over `phone`, and that over `userId`.
 * @throws {GatewayError} NOT_FOUND when nobody on MAX has the phone number.
 */
export const resolveChat = async (
  session: SessionPort,
  input: {
    chatId?: IdValue | undefined
    phone?: string | undefined
    userId?: IdValue | undefined
  },
): Promise<IdValue> => {
  const { chatId, phone, userId } = input
  if (chatId !== undefined && chatId !== 0) return chatId
  if (phone) {
    const reply = await session.call(Opcode.CONTACT_INFO_BY_PHONE, { phone })
    const id = asIdString(asMap(reply.contact).id)
    if (id === undefined) throw new GatewayError('NOT_FOUND', 'nobody on MAX has this phone number')
    return dialogWith(session, BigInt(id))
  }
  if (userId !== undefined && userId !== 0) return dialogWith(session, BigInt(userId))
  if (chatId === undefined) {
    throw new GatewayError('INVALID_INPUT', 'chatId, phone or userId is required', {
      field: 'chatId',
    })
  }
  return chatId
}
