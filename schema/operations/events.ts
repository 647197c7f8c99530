import { z } from 'zod'
import { ALL_EVENTS, eventExample, eventListInput } from '../events.ts'
import { parseJson } from '../json.ts'
import { MAX_PAGE, MAX_WAIT_S } from '../log-port.ts'
import { operation, streamOperation } from './define.ts'

const readerName = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'expected 1 to 64 letters, digits, dots, dashes or underscores')
const sequence = z.int().min(0)

const chatIds = z
  .union([z.string().max(4_000), z.array(z.union([z.string(), z.number()])).max(100)])
  .transform((value) =>
    (Array.isArray(value) ? value : value.split(',')).map((id) => String(id).trim()),
  )
  .pipe(z.array(z.string().regex(/^-?\d{1,19}$/, 'expected ids of chats')).max(100))

const place = {
  after: sequence.optional().describe('Sequence of the last event you have'),
  reader: readerName
    .optional()
    .describe('Name of a reader: where `after` is absent, reading begins at its stored place'),
}
const filter = {
  types: eventListInput
    .transform((names) => (names.length === 0 ? [ALL_EVENTS] : names))
    .default([ALL_EVENTS])
    .describe('Names of events, separated by commas; `Raw` comes only when it is named'),
  chats: chatIds
    .optional()
    .describe(
      'Events of these chats only, ids separated by commas; events that belong to no chat always pass',
    ),
}

const ReaderModel = z
  .looseObject({
    reader: z.string(),
    sequence: z.number().describe('All events up to here are acknowledged'),
    pending: z.number().describe('Events behind it, of all types and chats'),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: 'EventReader' })

const shown = eventExample('ReadReceipt')
const crm = {
  reader: 'crm',
  sequence: 318,
  pending: 4,
  createdAt: '2026-09-21T14:13:20.100Z',
  updatedAt: '2026-09-21T14:15:02.511Z',
}

export const eventOperations = {
  listEvents: operation({
    method: 'GET',
    path: '/events',
    scope: 'tenant',
    summary: 'Events of the log, oldest first',
    description: `Reading takes nothing away: every reader, and every webhook, has a place of its own. Pass the \`after\` of the answer to the next request. With \`wait\` the answer comes as soon as there is an event. At most 1 MiB of events a page; a page may be empty and have more behind it when the filter lets few through. Without \`after\` and \`reader\` reading begins at the oldest event. The log holds 7 days; a place before that is EVENTS_GONE with \`details.oldest\`, never a silent gap. A \`reader\` of a new name is created, at most 20: events behind its place are not deleted while it needs them, so acknowledge what you have dealt with (\`POST /events/ack\`).`,
    example: {
      input: { after: 317, limit: 1, wait: 30, types: 'Message,ReadReceipt' },
      output: { events: [{ ...shown, sequence: 318 }], after: 318, hasMore: true, oldest: 12 },
    },
    input: z.object({
      ...place,
      ...filter,
      limit: z.int().min(1).max(MAX_PAGE).default(100),
      wait: z
        .number()
        .min(0)
        .max(MAX_WAIT_S)
        .default(0)
        .describe('Seconds to wait for an event when there is none'),
    }),
    output: z.looseObject({
      events: z.array(z.looseObject({ id: z.string(), sequence: z.number(), type: z.string() })),
      after: z.number().describe('The next page begins here'),
      hasMore: z.boolean().describe('There are more events now'),
      oldest: z.number().describe('The oldest event the log has'),
    }),
    errors: ['EVENTS_GONE', 'CONFLICT'],
    run: async ({ eventLog }, { wait, types, chats, limit, ...from }) => {
      const after = eventLog.start(from, 'oldest')
      const query = { after, limit, types, chats, waitMs: wait * 1_000 }
      const { events, ...page } = await eventLog.read(query)
      return { events: events.map(({ body }) => parseJson(body) as { id: string }), ...page }
    },
  }),
  streamEvents: streamOperation({
    method: 'GET',
    path: '/events/stream',
    scope: 'tenant',
    summary: 'Events as they happen, as server-sent events or over a web socket',
    description: `Server-sent events: \`id\` is the sequence, \`event\` the type, \`data\` the event as a webhook gets it. A comment every 15 s shows that the line lives. The stream may end at any time; connect again with \`Last-Event-ID\` (or \`after\`, or a \`reader\`) and it goes on with the next event. Without any of them it begins with what happens from now on.

As a web socket (\`Upgrade: websocket\`) each message is one event. \`ping\` is answered \`pong\`. Say \`{"ack": 318}\` every few hundred events: it moves the \`reader\`, if one is named, and lets the stream go on, which is never more than 1,000 events or 1 MiB ahead of you; one that never heard an \`ack\`, and hears none for 10 s then, is closed with 4408, to be opened again with \`after\`. 4401: the token no longer counts; 4410: the events behind your place are gone. A browser, which cannot send headers, offers the subprotocols \`maxapi.events\` and \`maxapi.token.\` with the token in base64url. A token is never taken from the URL.`,
    stream: {
      example: `: maxapi\nretry: 1000\nid: 317\n\nid: 318\nevent: ReadReceipt\ndata: ${JSON.stringify({ ...shown, sequence: 318 })}\n\n`,
    },
    example: { input: { after: 317, types: 'Message,ReadReceipt' }, output: {} },
    input: z.object({ ...place, ...filter }),
    output: z.looseObject({}),
    errors: ['EVENTS_GONE', 'CONFLICT', 'INVALID_INPUT'],
  }),
  acknowledgeEvents: operation({
    method: 'POST',
    path: '/events/ack',
    scope: 'tenant',
    summary: 'Say that a reader has dealt with all events up to one',
    description:
      'Creates the reader when it is new. A place only moves forward: acknowledging less than before changes nothing. To read something again, pass `after`.',
    example: { input: { reader: 'crm', sequence: 318 }, output: crm },
    input: z.object({ reader: readerName, sequence }),
    output: ReaderModel,
    errors: ['EVENTS_GONE', 'CONFLICT'],
    run: async ({ eventLog }, input) => ({ ...eventLog.acknowledge(input.reader, input.sequence) }),
  }),
  listEventReaders: operation({
    method: 'GET',
    path: '/events/readers',
    scope: 'tenant',
    summary: 'Named readers of the log, and how far they are',
    description: '`pending` counts all events behind a place, whatever the filter of who reads.',
    example: { input: {}, output: { readers: [crm], oldest: 12, newest: 322 } },
    input: z.object({}),
    output: z.looseObject({
      readers: z.array(ReaderModel),
      oldest: z.number().describe('The oldest event the log has'),
      newest: z.number().describe('The newest event; 0 before the first'),
    }),
    run: async ({ eventLog }) => eventLog.readers(),
  }),
  deleteEventReader: operation({
    method: 'DELETE',
    path: '/events/readers/:name',
    scope: 'tenant',
    summary: 'Forget a reader, so that the log need not keep events for it',
    description: 'A reader of this name that comes again is a new one.',
    example: { input: { name: 'crm' }, output: { message: 'Reader deleted' } },
    input: z.object({ name: readerName }),
    output: z.looseObject({ message: z.string() }),
    errors: ['NOT_FOUND'],
    run: async ({ eventLog }, { name }) => {
      eventLog.forget(name)
      return { message: 'Reader deleted' }
    },
  }),
}
