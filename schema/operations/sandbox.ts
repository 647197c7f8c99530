import { z } from 'zod'
import { idInput } from '../ids.ts'
import { mediaKinds } from '../media.ts'
import { operation } from './define.ts'

/** Ways to break the sandbox's side of the connection on purpose. */
export const lineFaultKinds = [
  'drop',
  'hang',
  'error',
  'garbage',
  'logout',
  'flood',
  'slow',
] as const
/** Ways to break its upload and download servers. */
export const mediaFaultKinds = [
  'upload_refused',
  'upload_broken',
  'upload_slow',
  'never_ready',
  'processing_failed',
  'download_cut',
  'download_slow',
  'link_expired',
] as const
export const faultKinds = [...lineFaultKinds, ...mediaFaultKinds] as const
export type FaultKind = (typeof faultKinds)[number]
export type MediaFaultKind = (typeof mediaFaultKinds)[number]

/** One scripted fault. Defaults make every kind usable with `kind` alone. */
export const faultInput = z.object({
  kind: z.enum(faultKinds),
  opcode: z.int().positive().optional().describe('Only for this operation; default: the next one'),
  code: z.string().max(100).default('service.unavailable').describe('error: MAX error code'),
  delayMs: z.int().min(0).max(60_000).default(1_000).describe('slow: delay of each answer'),
  count: z.int().min(1).max(10_000).default(1).describe('how many answers; flood: how many pushes'),
})
export type Fault = z.output<typeof faultInput>

/** Characters of base64 that fit into a request together with the rest of it. */
const DATA_CHARS = 1_000_000

export const incomingInput = z
  .object({
    text: z.string().max(4000).default(''),
    media: z
      .enum(mediaKinds)
      .optional()
      .describe('Kind of a file to send with the text: a small sample, unless `data` is another'),
    data: z
      .base64('expected base64')
      .min(1)
      .max(DATA_CHARS)
      .optional()
      .describe('Content of the file, base64; taken as it is, whatever its kind'),
    fileName: z.string().min(1).max(200).optional().describe('Its name, where the kind has one'),
    from: idInput.optional().describe('User id of a demo contact; default: the first'),
    chatId: idInput.optional().describe('Default: the dialog with the sender'),
  })
  .refine(({ text, media }) => text !== '' || media !== undefined, {
    path: ['text'],
    message: 'text or media is required',
  })
  .refine(({ media, data }) => data === undefined || media !== undefined, {
    path: ['media'],
    message: 'data needs media, the kind of file that it is',
  })
export type Incoming = z.output<typeof incomingInput>

export const sandboxOperations = {
  getSandbox: operation({
    method: 'GET',
    path: '/sandbox',
    scope: 'tenant',
    summary: 'What to log in with and whom to write to in the sandbox',
    description:
      'For tenants made with `sandbox`; others get `NOT_FOUND`. Everything in it is invented, ' +
      'and nothing leaves this gateway.',
    example: {
      input: {},
      output: {
        phone: '+79990000000',
        code: '123456',
        phoneWithPassword: '+79990000009',
        password: 'sandbox-password',
        unregisteredPhone: '+79990000100',
        me: { id: 258317252, name: 'Иван Тестов' },
        contacts: [
          { id: 834942203, name: 'Анна Смирнова', phone: '+79990000001', chatId: 1050783551 },
        ],
      },
    },
    input: z.object({}),
    output: z.looseObject({
      phone: z.string(),
      code: z.string(),
      password: z.string(),
      me: z.looseObject({ id: z.number() }),
      contacts: z.array(
        z.looseObject({ id: z.number(), name: z.string(), phone: z.string(), chatId: z.number() }),
      ),
    }),
    errors: ['NOT_FOUND'],
  }),
  approveSandboxQr: operation({
    method: 'POST',
    path: '/sandbox/qr/approve',
    scope: 'tenant',
    summary: 'Scan and approve the QR code that is waiting, as a phone would',
    description: 'The newest code that waits, or the one of `qrLink`. `CONFLICT` when none does.',
    example: { input: {}, output: { message: 'QR login approved' } },
    input: z.object({ qrLink: z.string().max(500).optional() }),
    output: z.object({ message: z.string() }),
    errors: ['NOT_FOUND', 'CONFLICT'],
  }),
  sendSandboxIncoming: operation({
    method: 'POST',
    path: '/sandbox/incoming',
    scope: 'tenant',
    summary: 'Let a demo contact write to the tenant',
    description:
      'A text, a file (`media`), or both in one message. The file is a small sample, or what is in ' +
      '`data`: so your handling of `FileReady` can be tried with any content.',
    example: {
      input: { text: 'Look', media: 'image' },
      output: { chatId: 157880882, messageId: '117309440008060930' },
    },
    input: incomingInput,
    output: z.object({ chatId: z.number(), messageId: z.string() }),
    errors: ['NOT_FOUND'],
  }),
  setSandboxFault: operation({
    method: 'POST',
    path: '/sandbox/fault',
    scope: 'tenant',
    summary: 'Break the connection to the sandbox on purpose',
    description:
      'The first kinds spoil answers on the socket; those of uploads and downloads strike the media ' +
      'servers: `upload_refused` answers an error (`code`) under status 200, `upload_broken` and ' +
      '`download_cut` break the line in the middle, `never_ready` and `processing_failed` concern what ' +
      'MAX does with an upload, `link_expired` makes a link lead nowhere.',
    example: {
      input: { kind: 'upload_broken', count: 2 },
      output: { message: 'Fault is armed' },
    },
    input: faultInput,
    output: z.object({ message: z.string() }),
    errors: ['NOT_FOUND'],
  }),
}
