import { z } from 'zod'
import { exampleProfile, profileOutput } from '../account-profile.ts'
import { changedChat, chatId, updateChat, writeErrors } from '../chats.ts'
import { group } from '../example-chats.ts'
import { idInput, messageIdInput } from '../ids.ts'
import { type MediaKind, mediaKinds } from '../media.ts'
import { formatFields, sendFields, sentOutput, textInput } from '../message-input.ts'
import { target } from '../model.ts'
import { maxErrors, mediaOperation, operation } from './define.ts'

const sourceFields = {
  url: z.string().max(8_000).optional().describe('http(s) URL that the gateway fetches'),
  storageKey: z
    .string()
    .max(1_024)
    .optional()
    .describe(
      'Key of an object in the own S3 while that is enabled: any, or with keys that the operator ' +
        "gave those under `users/{tenant}/`; otherwise, and if it is not there, in the gateway's " +
        'storage, under `users/{tenant}/`',
    ),
  fileName: z.string().max(255).optional().describe('In any language; default: from the source'),
}

const base64OrUrl = z.string().describe('Base64, a data: URL or an http(s) URL')

const sendErrors = [
  ...maxErrors,
  'NOT_FOUND',
  'FORBIDDEN',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA',
  'SOURCE_FAILED',
  'STORAGE_FAILED',
  'TRANSFER_FAILED',
  'OVERLOADED',
  'OUTCOME_UNKNOWN',
] as const

const sources =
  ' The file comes as base64, `data:` URL or http(s) URL in the JSON body (16 MiB at most in base64), ' +
  'as `url`, as `storageKey`, as a file of a `multipart/form-data` form, or as the raw body with its ' +
  'own `Content-Type`, the fields in the query and the name in `X-File-Name` (percent-encoded) or ' +
  '`Content-Disposition`. A raw body with `Content-Length` streams through; what does not tell its ' +
  'size is put aside first. URLs are fetched within 5 minutes, and redirects are not followed.'

const example = (input: Record<string, unknown>) => ({
  input: { chatId: 157880882, ...input },
  output: {
    id: 'msg_mu9ph3s1',
    messageId: '117309440008060930',
    chatId: 157880882,
    timestamp: 1790000000123,
  },
})

/** A row that sends one file of a kind; the field of its name is the original's. */
const send = <Fields extends z.ZodRawShape>(
  kind: MediaKind,
  text: { summary: string; description: string; input: Record<string, unknown> },
  fields: Fields,
) =>
  mediaOperation({
    method: 'POST',
    path: `/chat/send/${kind}`,
    scope: 'tenant',
    summary: text.summary,
    description: text.description + sources,
    example: example(text.input),
    online: true,
    creates: true,
    respondsAsync: true,
    media: 'in',
    input: z.object({
      ...target,
      ...fields,
      ...sourceFields,
      caption: textInput.default(''),
      ...formatFields,
      ...sendFields,
    }),
    output: sentOutput,
    errors: sendErrors,
  })

const durationField = {
  duration: z.int().min(1).max(3_600_000).optional().describe('Milliseconds'),
}

const place = {
  chatId: idInput.optional(),
  messageId: messageIdInput.optional(),
  index: z.int().min(0).max(100).default(0).describe('Which of several attachments of the kind'),
}

const downloadOutput = z.looseObject({
  data: z.string().describe('Base64'),
  mimeType: z.string().describe('By the first bytes'),
  size: z.number(),
  fileName: z.string(),
  url: z.string().optional().describe('Of a video: the link that MAX gave for it; it expires'),
})

const downloadErrors = [
  ...maxErrors,
  // With a link of MAX as `url` no session is needed, so the rows do not ask for one.
  'NOT_CONNECTED',
  'NOT_FOUND',
  'BODY_TOO_LARGE',
  'TRANSFER_FAILED',
  'BAD_UPSTREAM',
  'OVERLOADED',
] as const

const downloads =
  ' By `chatId` and `messageId`; `index` chooses among several. JSON with base64 up to 10 MiB; with ' +
  '`Accept: application/octet-stream` the bytes themselves, of any size, streamed, with `Range`.'

const download = <Fields extends z.ZodRawShape>(
  kind: string,
  text: { summary: string; description: string; input: Record<string, unknown> },
  fields: Fields,
) =>
  mediaOperation({
    method: 'POST',
    path: `/chat/download${kind}`,
    scope: 'tenant',
    summary: text.summary,
    description: text.description + downloads,
    example: {
      input: text.input,
      output: { data: 'iVBORw0KGgo=', mimeType: 'image/png', size: 8, fileName: 'image.png' },
    },
    reads: true,
    media: 'out',
    input: z.object({ ...place, ...fields }),
    output: downloadOutput,
    errors: downloadErrors,
  })

const message = { chatId: 157880882, messageId: '117309440008060930' }
const urlField = {
  url: z.string().max(8_000).optional().describe("A link to MAX's own media servers"),
}

export const mediaOperations = {
  sendImage: send(
    'image',
    {
      summary: 'Send one or more photos',
      description:
        'JPEG, PNG, GIF, WebP and the like, 40 MiB at most each, up to 10 in one message.',
      input: { image: 'https://example.com/photo.jpg', caption: 'Look' },
    },
    { image: z.union([base64OrUrl, z.array(base64OrUrl).min(1).max(10)]).optional() },
  ),
  sendVideo: send(
    'video',
    {
      summary: 'Send a video',
      description: 'Answers when MAX has processed the video and sent the message.',
      input: { video: 'https://example.com/video.mp4' },
    },
    { video: base64OrUrl.optional() },
  ),
  sendAudio: send(
    'audio',
    {
      summary: 'Send an audio file',
      description: 'As a file that can be downloaded; a voice message is `/chat/send/voice`.',
      input: { audio: 'https://example.com/song.mp3', fileName: 'song.mp3' },
    },
    { audio: base64OrUrl.optional() },
  ),
  sendDocument: send(
    'document',
    {
      summary: 'Send a file of any type',
      description: '4 GiB at most; MAX takes no `.exe`.',
      input: { document: 'https://example.com/report.pdf', fileName: 'report.pdf' },
    },
    { document: base64OrUrl.optional() },
  ),
  sendVoice: send(
    'voice',
    {
      summary: 'Send a voice message',
      description:
        'Ogg Opus, 48 kHz, mono, an hour at most. `duration` is read from recordings up to 5 MiB and ' +
        'needed beyond that; `wave` is what the player draws.',
      input: { voice: 'https://example.com/voice.ogg', duration: 4_200 },
    },
    {
      voice: base64OrUrl.optional(),
      ...durationField,
      wave: z.array(z.int().min(0).max(127)).length(80).optional().describe('Loudness'),
    },
  ),
  sendVideoNote: send(
    'videonote',
    {
      summary: 'Send a round video message',
      description: 'MP4 with H.264 and AAC, 480 by 480, a minute at most.',
      input: { videonote: 'https://example.com/note.mp4', duration: 8_000 },
    },
    { videonote: base64OrUrl.optional(), ...durationField },
  ),
  sendMedia: mediaOperation({
    method: 'POST',
    path: '/chat/send/media',
    scope: 'tenant',
    summary: 'Send media of any kind, or several photos at once',
    description:
      'MAX puts several photos into one message and nothing else beside anything: a list of other ' +
      'kinds is refused before it is uploaded. As a form or a raw body, `type` says what it is.' +
      sources,
    example: example({
      media: [
        { type: 'image', url: 'https://example.com/1.jpg' },
        { type: 'image', url: 'https://example.com/2.jpg' },
      ],
    }),
    online: true,
    creates: true,
    respondsAsync: true,
    media: 'in',
    input: z.object({
      ...target,
      media: z
        .array(
          z.object({
            type: z.enum(mediaKinds),
            data: z.string().optional().describe('Base64 or a data: URL'),
            ...sourceFields,
          }),
        )
        .min(1)
        .max(10)
        .optional(),
      type: z.enum(mediaKinds).default('document').describe('Of a form or a raw body'),
      fileName: sourceFields.fileName,
      ...durationField,
      caption: textInput.default(''),
      ...formatFields,
      ...sendFields,
    }),
    output: sentOutput,
    errors: sendErrors,
  }),
  setGroupPhoto: mediaOperation({
    method: 'POST',
    path: '/group/photo',
    scope: 'tenant',
    summary: 'Set the photo of a group or channel',
    description: `Needs the right to change the chat's profile; 40 MiB at most.${sources}`,
    example: {
      input: { chatId: -70000000000123, image: 'https://example.com/photo.jpg' },
      output: { message: 'Photo updated', chat: group },
    },
    online: true,
    media: 'in',
    input: z.object({ chatId, image: base64OrUrl.optional(), ...sourceFields }),
    output: changedChat,
    errors: sendErrors,
  }),
  removeGroupPhoto: operation({
    method: 'POST',
    path: '/group/photo/remove',
    scope: 'tenant',
    summary: 'Take the photo of a group or channel away',
    description:
      "Sends an empty photo, as an empty description takes the description away. MAX's own clients " +
      'were not seen doing it: should MAX refuse, its words come out as `maxError`.',
    example: {
      input: { chatId: -70000000000123 },
      output: { message: 'Photo removed', chat: group },
    },
    online: true,
    input: z.object({ chatId }),
    output: changedChat,
    errors: writeErrors,
    run: async (session, input) => {
      const chat = await updateChat(session, input.chatId, { photoToken: '' })
      return { message: 'Photo removed', chat }
    },
  }),
  setAccountPhoto: mediaOperation({
    method: 'POST',
    path: '/account/photo',
    scope: 'tenant',
    summary: 'Set the photo of the own account',
    description: `The photo before stays in the list of photos; 40 MiB at most.${sources}`,
    example: { input: { image: 'https://example.com/photo.jpg' }, output: exampleProfile },
    online: true,
    media: 'in',
    input: z.object({ image: base64OrUrl.optional(), ...sourceFields }),
    output: profileOutput,
    errors: [...sendErrors, 'LOGIN_REQUIRED'],
  }),
  downloadImage: download(
    'image',
    {
      summary: 'Download a photo of a message',
      description: 'Or by the `url` that the message has.',
      input: message,
    },
    { ...urlField, photoId: idInput.optional() },
  ),
  downloadVideo: download(
    'video',
    {
      summary: 'Download a video of a message',
      description: 'The best quality that MAX offers, or the best up to `quality`.',
      input: message,
    },
    {
      videoId: idInput.optional(),
      quality: z.int().min(1).optional().describe('Height in pixels, such as 720'),
    },
  ),
  downloadAudio: download(
    'audio',
    {
      summary: 'Download a voice message or an audio file of a message',
      description: 'Or by the `url` that a voice message has.',
      input: message,
    },
    { ...urlField, audioId: idInput.optional(), fileId: idInput.optional() },
  ),
  downloadDocument: download(
    'document',
    {
      summary: 'Download a file of a message',
      description: 'Under the name that its sender gave it.',
      input: message,
    },
    { fileId: idInput.optional() },
  ),
  getMediaFile: mediaOperation({
    method: 'GET',
    path: '/chat/media/file',
    scope: 'tenant',
    summary: 'The bytes of an attachment of a message',
    description:
      'Streamed, of any size, with `Range`: for players and for saving to a file. `index` counts all ' +
      'attachments of the message.',
    example: {
      input: message,
      output: { data: 'iVBORw0KGgo=', mimeType: 'image/png', size: 8, fileName: 'image.png' },
    },
    media: 'out',
    input: z.object({
      chatId: idInput,
      messageId: messageIdInput,
      index: place.index,
      quality: z.int().min(1).optional().describe('Height of a video in pixels'),
    }),
    output: downloadOutput,
    errors: downloadErrors,
  }),
}
