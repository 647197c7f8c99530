import { z } from 'zod'
import { GatewayError } from './errors.ts'
import { type IdValue, idInput, publicValue } from './ids.ts'
import { Opcode } from './opcodes.ts'
import type { SessionPort } from './session-port.ts'
import { asMap, asNumber, type WireMap } from './wire.ts'

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

/** A message as our users get it: whole, with its chat, and with a list of attachments whatever MAX sent. */
export const publicMessage = (message: WireMap, chatId: IdValue): Record<string, unknown> => ({
  chatId,
  attaches: [],
  ...(publicValue(message, true) as Record<string, unknown>),
})

export const ChatModel = z
  .looseObject({ id: z.union([z.number(), z.string()]), type: z.string() })
  .meta({ id: 'Chat' })

export const ContactModel = z.looseObject({ id: z.number() }).meta({ id: 'Contact' })

/** E.164 digits with or without the plus; comes out with it, as MAX wants it. */
export const phoneInput = z
  .string()
  .trim()
  .regex(/^\+?\d{10,15}$/, 'expected 10 to 15 digits with an optional plus')
  .transform((text) => `+${text.replace('+', '')}`)

/** A chat target: `chatId`, or `phone` of somebody on MAX. Chat 0 is Saved Messages. */
export const target = {
  chatId: idInput.optional(),
  phone: z.union([phoneInput, z.literal('')]).optional(),
}

/**
 * The chat a target means. A dialog's id is the XOR of both user ids (operations-and-events.md §1.1).
 * @throws {GatewayError} NOT_FOUND when nobody on MAX has the phone number.
 */
export const resolveChat = async (
  session: SessionPort,
  input: { chatId?: IdValue | undefined; phone?: string | undefined },
): Promise<IdValue> => {
  if (input.phone && (input.chatId === undefined || input.chatId === 0)) {
    const reply = await session.call(Opcode.CONTACT_INFO_BY_PHONE, { phone: input.phone })
    const id = asNumber(asMap(reply.contact).id)
    if (id === undefined) throw new GatewayError('NOT_FOUND', 'nobody on MAX has this phone number')
    return Number(BigInt(session.userId) ^ BigInt(id))
  }
  if (input.chatId === undefined) {
    throw new GatewayError('INVALID_INPUT', 'chatId or phone is required', { field: 'chatId' })
  }
  return input.chatId
}
