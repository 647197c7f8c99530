import { z } from 'zod'
import { ms, rows } from './define.ts'

const reason = z.string().describe('For a person')

export const sessionEvents = rows({
  Connected: {
    summary: 'The session came online',
    since: 'original',
    schema: z.looseObject({
      maxUserID: z.number(),
      reconnect: z.boolean().describe('It was online before'),
    }),
    example: { maxUserID: 120000017, reconnect: false },
  },
  Disconnected: {
    summary: 'The session went offline',
    description:
      'Asked for, lost, sent away by MAX, or refused for good. Delivered although the session is gone.',
    since: 'original',
    schema: z.looseObject({ reason }),
    example: { reason: 'closed by the other side' },
  },
  Reconnecting: {
    summary: 'The session is being restored',
    description: 'At the second try, and then at every tenth.',
    since: 'original',
    schema: z.looseObject({ attempt: z.number() }),
    example: { attempt: 2 },
  },
  ReconnectExhausted: {
    summary: 'The session could not be restored',
    description:
      'Once an outage: after a day of trying, which goes on (`gaveUp` false); or when the number of tries in ' +
      '`MAXAPI_CONNECT_RETRIES` is used up, which stops the session until somebody connects it (`gaveUp` true).',
    since: 'original',
    schema: z.looseObject({
      attempt: z.number(),
      offlineSince: z.string(),
      gaveUp: z.boolean(),
      reason,
    }),
    example: {
      attempt: 290,
      offlineSince: '2026-09-20T12:00:00.000Z',
      gaveUp: false,
      reason: 'the connection failed',
    },
  },
  SessionDegraded: {
    summary: 'The session has been offline for some minutes although it should be online',
    description:
      'Once an outage, after `MAXAPI_DEGRADED_AFTER_MINUTES` (5). `Connected` says that it is over.',
    since: 3,
    schema: z.looseObject({ offlineSince: z.string(), attempt: z.number(), reason }),
    example: {
      offlineSince: '2026-09-21T12:00:00.000Z',
      attempt: 7,
      reason: 'the connection failed',
    },
  },
  LoggedOut: {
    summary: 'The session was ended, by MAX or on request; log in again',
    description: 'The tenant and its settings stay.',
    since: 'original',
    schema: z.looseObject({ reason }),
    example: { reason: 'requested' },
  },
  AuthExpired: {
    summary: 'MAX no longer accepts the stored login; log in again',
    since: 'original',
    schema: z.looseObject({ reason }),
    example: { reason: 'login.token: the token is no longer valid' },
  },
  AuthCodeSent: {
    summary: 'MAX sent an SMS code',
    description: 'The phone number is masked: events go to third parties.',
    since: 'original',
    schema: z.looseObject({ phone: z.string() }),
    example: { phone: '+79…22' },
  },
  QRGenerated: {
    summary: 'A QR code waits to be scanned',
    description: 'Also each time an expired one is replaced, ten times at most.',
    since: 'original',
    schema: z.looseObject({
      qrLink: z.string().describe('What the code says'),
      qrCodeBase64: z.string().describe('PNG as a data: URL'),
      trackId: z.string(),
      expiresAt: ms,
    }),
    example: {
      qrLink: 'https://max.ru/:auth/00000000-0000-4000-8000-000000000003',
      qrCodeBase64: 'data:image/png;base64,iVBORw0KGgo=',
      trackId: '00000000-0000-4000-8000-000000000004',
      expiresAt: 1790000120000,
    },
  },
  QRScanned: {
    summary: 'The QR code was scanned and approved',
    since: 'original',
    schema: z.looseObject({ trackId: z.string() }),
    example: { trackId: '00000000-0000-4000-8000-000000000004' },
  },
  QRAuthorized: {
    summary: 'The QR login succeeded; a cloud password may still be asked for',
    description: 'The login token is not in it: the original sent it to every receiver.',
    since: 'original',
    schema: z.looseObject({ trackId: z.string() }),
    example: { trackId: '00000000-0000-4000-8000-000000000004' },
  },
  QRExpired: {
    summary: 'The QR code expired unscanned',
    since: 'original',
    schema: z.looseObject({ trackId: z.string(), reason: reason.optional() }),
    example: { trackId: '00000000-0000-4000-8000-000000000004', reason: 'nobody scanned it' },
  },
  Sync: {
    summary: 'What MAX told at the login: profile, chats, contacts, settings',
    description:
      'Every field of MAX’s answer but tokens, at the top level. After a reconnect only what changed. ' +
      'Fields that would make the event larger than 128 KiB are left out and named in `omitted`.',
    since: 'original',
    schema: z.looseObject({
      reconnect: z.boolean(),
      maxUserID: z.number(),
      omitted: z.array(z.string()).optional(),
    }),
    example: {
      reconnect: false,
      maxUserID: 120000017,
      profile: { contact: { id: 120000017, names: [{ name: 'Ivan', type: 'ONEME' }] } },
      chats: [{ id: 157880882, type: 'DIALOG', status: 'ACTIVE', owner: 120000017 }],
      contacts: [{ id: 240000035, names: [{ name: 'Bob Miller', type: 'ONEME' }] }],
      time: 1790000000000,
    },
  },
  HistorySync: {
    summary: 'What happened while the session was offline has been caught up',
    description:
      'Comes after the events themselves, which carry `catchUp: true`. `truncated` means that a limit was met ' +
      '(`MAXAPI_CATCH_UP_CHATS`, `_MESSAGES`, `_HOURS`): read the rest of `truncatedChats` with /chat/history.',
    since: 'original',
    schema: z.looseObject({
      chats: z.number().describe('Chats that were looked at'),
      messages: z.number(),
      edits: z.number(),
      deletes: z.number(),
      truncated: z.boolean(),
      truncatedChats: z.array(z.union([z.number(), z.string()])),
    }),
    example: {
      chats: 3,
      messages: 12,
      edits: 1,
      deletes: 0,
      truncated: false,
      truncatedChats: [],
    },
  },
  WebhookDisabled: {
    summary: 'A webhook is no longer called',
    description: 'It said 410 Gone, or failed for five days. Set it again to enable it.',
    since: 3,
    schema: z.looseObject({ reason }),
    example: { webhookId: 'default', reason: 'the receiver answered 410 Gone' },
  },
  RetentionWarning: {
    summary: 'Events that a destination still needs are about to be deleted, or were',
    description:
      'The log is older or larger than it may be (`MAXAPI_RETENTION_DAYS`, 7; `MAXAPI_RETENTION_MB`, 200) and `webhookId` (a webhook, or `reader:` and the name of a reader) has not got that far. With `deadline`: from then on they go; at twice the limit they go at once. With `dropped`: so many went.',
    since: 3,
    schema: z.looseObject({
      webhookId: z.string(),
      reason,
      pending: z.number().optional().describe('Events that wait for it'),
      deadline: z.string().optional(),
      dropped: z.number().optional().describe('Events that it will not get'),
    }),
    example: {
      webhookId: 'default',
      reason: 'the log is larger than it may be',
      pending: 1200,
      deadline: '2026-09-22T14:13:20.000Z',
    },
  },
})
