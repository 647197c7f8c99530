import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { type IdValue, idInput, publicValue } from '../ids.ts'
import { messageRef, resolveChat, target } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { attachOf, readMessage } from '../stored-message.ts'
import { asIdString, asMaps, asString, type WireValue, wireId, wireMessageId } from '../wire.ts'
import { operation, readErrors, writeErrors } from './define.ts'

const transcriptionStates = ['ready', 'processing', 'failed'] as const
type TranscriptionState = (typeof transcriptionStates)[number]

/** MAX says it in words or in numbers (operations-and-events.md §3.7); either may be unknown to us. */
const transcriptionState = (status: WireValue, text: string | undefined): TranscriptionState => {
  if (status === 'SUCCESS' || status === 1) return 'ready'
  if (status === 'FAILED' || status === 'NOT_SUPPORTED') return 'failed'
  return text ? 'ready' : 'processing'
}

/** The voice message or video of a message. */
const mediaIdOf = async (
  session: SessionPort,
  chatId: IdValue,
  messageId: string,
): Promise<string> => {
  const attach = attachOf(
    await readMessage(session, chatId, messageId),
    ...['AUDIO', 'VIDEO', 'VIDEO_MSG', 'UNSUPPORTED'],
  )
  const id = asIdString(attach?.audioId) ?? asIdString(attach?.videoId)
  if (id !== undefined) return id
  throw new GatewayError('NOT_FOUND', 'the message has no voice or video to transcribe', {
    field: 'messageId',
  })
}

export const messageToolOperations = {
  getLinkPreview: operation({
    method: 'POST',
    path: '/chat/linkpreview',
    scope: 'tenant',
    summary: 'What MAX would show for a link',
    description: 'MAX itself looks at the page; the gateway does not. No preview is an empty list.',
    example: {
      input: { text: 'https://example.com' },
      output: {
        attachments: [
          {
            _type: 'SHARE',
            shareId: 4711,
            url: 'https://example.com',
            title: 'Example Domain',
            host: 'example.com',
          },
        ],
      },
    },
    reads: true,
    online: true,
    input: z.object({
      text: z.string().trim().min(1).max(4000).describe('A link, or a text that has one'),
    }),
    output: z.looseObject({ attachments: z.array(z.looseObject({})) }),
    errors: readErrors,
    run: async (session, input) => {
      const reply = await session.call(Opcode.MSG_SHARE_PREVIEW, { text: input.text })
      return { attachments: asMaps(reply.attachments).map((attach) => publicValue(attach)) }
    },
  }),
  transcribe: operation({
    method: 'POST',
    path: '/chat/transcribe',
    scope: 'tenant',
    summary: 'The words of a voice message or video',
    description:
      'MAX transcribes. While `status` is `processing`, ask again; the result also comes as an event.',
    example: {
      input: { chatId: 157880882, messageId: '117309440008060929' },
      output: { status: 'ready', transcription: 'Hello there', transcriptionStatus: 'SUCCESS' },
    },
    online: true,
    input: z.object({
      ...target,
      messageId: messageRef,
      mediaId: idInput
        .optional()
        .describe('`audioId` or `videoId`; looked up in the message unless given'),
    }),
    output: z.looseObject({
      status: z.enum(transcriptionStates),
      transcription: z.string().optional(),
    }),
    errors: writeErrors,
    run: async (session, input) => {
      const { messageId } = input
      const chatId = await resolveChat(session, input)
      const mediaId = input.mediaId ?? (await mediaIdOf(session, chatId, messageId))
      const reply = await session.call(Opcode.TRANSCRIBE_MEDIA, {
        chatId: wireId(chatId),
        messageId: wireMessageId(messageId),
        mediaId: wireId(mediaId),
      })
      const text = asString(reply.transcription)
      const { transcription: _transcription, ...rest } = reply
      return {
        ...(publicValue(rest) as Record<string, unknown>),
        status: transcriptionState(reply.transcriptionStatus, text),
        ...(text === undefined ? {} : { transcription: text }),
      }
    },
  }),
  pressButton: operation({
    method: 'POST',
    path: '/chat/button',
    scope: 'tenant',
    summary: "Press a button under a bot's message",
    description:
      "`callbackId` is that of the message's INLINE_KEYBOARD, `payload` that of the button. What the bot answers comes as events.",
    example: {
      input: { callbackId: 'f9LHodD0cOJ5X', payload: 'yes' },
      output: { message: 'Button pressed' },
    },
    online: true,
    input: z.object({
      callbackId: z.string().min(1).max(512),
      payload: z.string().max(4096).optional(),
    }),
    output: z.looseObject({ message: z.string() }),
    errors: writeErrors,
    run: async (session, input) => {
      const { callbackId, payload } = input
      const reply = await session.call(Opcode.MSG_SEND_CALLBACK, {
        callbackId,
        type: 'CALLBACK',
        payload,
        timestamp: session.now(),
      })
      const { message, success: _success, ...rest } = publicValue(reply) as Record<string, unknown>
      return { ...rest, message: 'Button pressed', ...(message ? { answer: message } : {}) }
    },
  }),
}
