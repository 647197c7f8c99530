import { z } from 'zod'
import { idInput } from '../ids.ts'
import { sendStates } from '../sends-port.ts'
import { operation } from './define.ts'

/** Our id of a message, as every send answers it. */
export const sendIdInput = z
  .string()
  .regex(/^msg_[0-9a-z]{1,11}$/, 'expected the id of a send, msg_…')
  .describe('Our id of the message, `msg_…`')

export const SendStatusModel = z
  .looseObject({
    id: z.string().describe('Our id of the message'),
    status: z.enum(sendStates),
    chatId: z.union([z.number(), z.string()]).optional(),
    messageId: z.string().optional().describe('MAX’s id, once it is sent'),
    createdAt: z.string(),
    updatedAt: z.string(),
    sendAt: z.string().optional().describe('When a scheduled message is to leave'),
    expiresAt: z.string().optional().describe('When it is given up if it has not left by then'),
    sentAt: z.string().optional().describe('MAX’s own time of the message'),
    readAt: z.string().optional().describe('When we learned that somebody had read it'),
    error: z
      .looseObject({ code: z.string(), message: z.string() })
      .optional()
      .describe('Why it failed, or why its outcome is unknown; `maxError` has MAX’s own words'),
  })
  .meta({ id: 'SendStatus' })

/** How lists of sends are paged. */
export const pageInput = {
  limit: z.int().min(1).max(100).default(50),
  cursor: z.string().max(64).optional().describe('`nextCursor` of the page before'),
}

export const sendOperations = {
  getMessageStatus: operation({
    method: 'GET',
    path: '/messages/:id',
    scope: 'tenant',
    summary: 'What became of a message that was sent through the gateway',
    description:
      'queued → sending → sent → read, or failed, canceled, unknown; kept for 7 days. `unknown` means that MAX did not answer and that a repeat was no longer safe: look into the chat. MAX tells when a message was read by somebody else, but not when it reached a device, so there is no state for that.',
    example: {
      input: { id: 'msg_mu9ph3s1' },
      output: {
        id: 'msg_mu9ph3s1',
        status: 'read',
        chatId: 157880882,
        messageId: '117309440008060930',
        createdAt: '2026-09-21T14:13:20.100Z',
        updatedAt: '2026-09-21T14:15:02.511Z',
        sentAt: '2026-09-21T14:13:20.123Z',
        readAt: '2026-09-21T14:15:02.511Z',
      },
    },
    input: z.object({
      id: z
        .string()
        .regex(/^(msg_[0-9a-z]{1,11}|\d{1,19})$/, 'expected msg_… or the id of a message')
        .describe('Our id of the message (`msg_…`), or MAX’s'),
      chatId: idInput.optional().describe('With an id of MAX: the chat the message is in'),
    }),
    output: SendStatusModel,
    errors: ['NOT_FOUND'],
    run: async (session, { id, chatId }) => session.sends.find(id, chatId),
  }),
  listMessageStatuses: operation({
    method: 'GET',
    path: '/messages',
    scope: 'tenant',
    summary: 'Messages that were sent through the gateway, newest first',
    description: 'Those of the last 7 days, and every one that has not come to an end.',
    example: {
      input: { status: 'failed', limit: 1 },
      output: {
        messages: [
          {
            id: 'msg_mu9ph3s1',
            status: 'failed',
            chatId: 157880882,
            createdAt: '2026-09-21T14:13:20.100Z',
            updatedAt: '2026-09-21T14:13:20.123Z',
            error: { code: 'MAX_REFUSED', message: 'MAX refused the operation' },
          },
        ],
        nextCursor: 'mu9ph3s0.mu9ph3s1',
      },
    },
    input: z.object({ status: z.enum(sendStates).optional(), ...pageInput }),
    output: z.looseObject({
      messages: z.array(SendStatusModel),
      nextCursor: z.string().optional().describe('Absent on the last page'),
    }),
    run: async (session, input) => {
      const { items, ...rest } = session.sends.list(input)
      return { messages: items, ...rest }
    },
  }),
}
