import { z } from 'zod'
import { AttachmentModel } from '../attachments.ts'
import { Opcode } from '../opcodes.ts'
import { sendStates } from '../sends-port.ts'
import { asIdString, asMap, type WireMap } from '../wire.ts'
import { id, key, messageId, ms, pushed, rows } from './define.ts'

const message = z.looseObject({
  id: messageId,
  time: ms,
  type: z.string().describe('USER, or CHANNEL for posts'),
  sender: id.optional().describe('Missing in channel posts'),
  text: z.string().optional(),
  attaches: z.array(z.looseObject({})),
  status: z.string().optional().describe('EDITED or REMOVED'),
  updateTime: ms.optional().describe('When it was edited'),
})

/** The original's fields of the first attachment, and the list of all of them. */
const media = {
  chatId: id,
  messageId,
  attachments: z.array(AttachmentModel).describe('Every attachment, those of a forward included'),
  mediaType: z.enum(['image', 'video', 'file', 'audio']).optional(),
  mediaUrl: z.string().optional().describe('Image: open without authorization'),
  videoId: id.optional(),
  fileId: id.optional(),
  fileName: z.string().optional(),
  fileSize: z.number().optional().describe('Bytes'),
  audioId: id.optional(),
  audioUrl: z.string().optional(),
  catchUp: z
    .literal(true)
    .optional()
    .describe('Present when it happened while the session was offline'),
}

const exampleMessage = {
  id: '117309440008060930',
  time: 1790000000123,
  type: 'USER',
  sender: 240000035,
  text: 'The invoice',
  cid: 1790000000001,
  attaches: [{ _type: 'FILE', fileId: 900000001, name: 'invoice.pdf', size: 48213 }],
}
const exampleMedia = {
  chatId: 157880882,
  messageId: '117309440008060930',
  mediaType: 'file',
  fileId: 900000001,
  fileName: 'invoice.pdf',
  fileSize: 48213,
  attachments: [{ index: 0, kind: 'file', id: 900000001, name: 'invoice.pdf', size: 48213 }],
}

const idOf = (payload: WireMap): string | undefined => asIdString(asMap(payload.message).id)

/** Chat and id: a message is new once, whatever the connection it comes over. */
export const messageKey = (chatId: unknown, messageId: unknown): string | undefined =>
  key('message', chatId, messageId)

/**
 * An edit is named by its time (`updateTime` comes with EDITED only, operations-and-events.md §2.1);
 * without one by what it says.
 */
export const editKey = (payload: WireMap): string | undefined => {
  const { updateTime, text, elements, attaches } = asMap(payload.message)
  const version = updateTime ?? JSON.stringify([text, elements, attaches], digits)
  return key('edit', asIdString(payload.chatId), idOf(payload), version)
}
const digits = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value

/** Ids of the messages a push deletes: 142 lists them, 128 with REMOVED carries the one (§5.2). */
export const deletedIds = (payload: WireMap): string[] => {
  const listed = Array.isArray(payload.messageIds) ? payload.messageIds : [idOf(payload)]
  return listed.flatMap((value) => asIdString(value) ?? [])
}

export const messageEvents = rows({
  Message: {
    summary: 'A message arrived',
    description:
      'Also what the account itself sent from another device, and service messages such as "joined the group" ' +
      '(`attaches` holds one CONTROL). What was sent through this API comes as `MessageStatus` instead. ' +
      'With several attachments read `attachments`: the single media fields tell of the first one. ' +
      'Nothing secret is in it, also no media token: download with the ids, the chat and the message.',
    since: 'original',
    opcode: Opcode.NOTIF_MESSAGE,
    schema: pushed(
      { chatId: id, message, unread: z.number().optional(), mark: ms.optional() },
      media,
    ),
    example: {
      opcode: 128,
      event: { chatId: 157880882, message: exampleMessage, unread: 1, mark: 1789999990000 },
      ...exampleMedia,
    },
    dedupe: (payload) => messageKey(asIdString(payload.chatId), idOf(payload)),
  },
  MessageEdit: {
    summary: 'A message was edited',
    description:
      'The message as it reads now. Of several edits while the session was offline only the last is left to tell of. ' +
      'A message that was edited before the gateway saw it comes as `Message` and then as `MessageEdit`.',
    since: 'original',
    // TLS TCP pushes the request's own opcode (§5.2).
    opcode: Opcode.MSG_EDIT,
    schema: pushed({ chatId: id, message }, media),
    example: {
      opcode: 128,
      event: {
        chatId: 157880882,
        message: { ...exampleMessage, status: 'EDITED', updateTime: 1790000060000 },
      },
      ...exampleMedia,
    },
    dedupe: editKey,
  },
  MessageDelete: {
    summary: 'Messages were deleted',
    description:
      'For everybody, or out of this account’s view by another of its devices. `messageIds` is there in every form ' +
      'that MAX has for it.',
    since: 'original',
    opcode: Opcode.NOTIF_MSG_DELETE,
    schema: pushed({}, { chatId: id, messageIds: z.array(messageId), catchUp: media.catchUp }),
    example: {
      opcode: 142,
      event: { chatId: 157880882, messageIds: ['117309440008060930'], ttl: false },
      chatId: 157880882,
      messageIds: ['117309440008060930'],
    },
    // A message is deleted once.
    dedupe: (payload) => {
      const chatId = asIdString(payload.chatId) ?? asIdString(asMap(payload.chat).id)
      return key('delete', chatId, deletedIds(payload).join(',') || undefined)
    },
  },
  MessageDeleteRange: {
    summary: 'All messages of a span of time were deleted',
    since: 3,
    opcode: Opcode.NOTIF_MSG_DELETE_RANGE,
    schema: pushed(
      { chat: z.looseObject({ id }), startTime: ms, endTime: ms },
      { chatId: id.optional() },
    ),
    example: {
      opcode: 140,
      event: {
        chat: { id: 157880882, type: 'DIALOG', status: 'ACTIVE', owner: 120000017 },
        startTime: 1789990000000,
        endTime: 1790000000000,
      },
      chatId: 157880882,
    },
    dedupe: ({ chat, startTime, endTime }) => key('range', asMap(chat).id, startTime, endTime),
  },
  MessageStatus: {
    summary: 'A message that was sent through this API went a step further',
    description:
      '`scheduled`, `queued` and `sending` before it is out, then `sent`, and `read` once somebody else’s read ' +
      'mark has passed it; or `failed`, `canceled`, `unknown`. Steps that no time passes between are left out: ' +
      'a message that is sent at once is told of as `sent` only. `GET /messages/{sendId}` has the same fields.',
    since: 3,
    schema: z.looseObject({
      sendId: z.string().describe('Our id of the message'),
      status: z.enum(sendStates),
      chatId: id.optional(),
      messageId: messageId.optional(),
      createdAt: z.string(),
      updatedAt: z.string(),
    }),
    example: {
      sendId: 'msg_mu9ph3s1',
      status: 'sent',
      chatId: 157880882,
      messageId: '117309440008060931',
      createdAt: '2026-09-21T14:13:20.100Z',
      updatedAt: '2026-09-21T14:13:20.123Z',
      sentAt: '2026-09-21T14:13:20.123Z',
    },
  },
  ReadReceipt: {
    summary: 'Somebody read a chat up to a time',
    description:
      'Everything up to `mark` is read by `userId`. From another device of this account it carries `unread`; ' +
      '`setAsUnread` takes reading back.',
    since: 'original',
    // No key: reading, marking unread and reading again are three events with equal payloads.
    opcode: Opcode.NOTIF_MARK,
    schema: pushed(
      { chatId: id, userId: id, mark: ms, setAsUnread: z.boolean().optional() },
      { chatId: id },
    ),
    example: {
      opcode: 130,
      event: { setAsUnread: false, chatId: 157880882, userId: 240000035, mark: 1790000000123 },
      chatId: 157880882,
    },
  },
  Typing: {
    summary: 'Somebody is typing',
    description: 'MAX tells it only of chats whose live events were subscribed to, for a minute.',
    since: 'original',
    opcode: Opcode.NOTIF_TYPING,
    schema: pushed({ chatId: id, userId: id, type: z.string().optional() }, { chatId: id }),
    example: {
      opcode: 129,
      event: { chatId: 157880882, userId: 240000035, type: 'TEXT' },
      chatId: 157880882,
    },
  },
  ReactionChange: {
    summary: 'Reactions of a message changed',
    description: 'The new counters, without who reacted; no `counters` when the last one is gone.',
    since: 'original',
    // No key: reacting, taking it back and reacting again are three events, two of them equal.
    opcode: Opcode.NOTIF_MSG_REACTIONS_CHANGED,
    schema: pushed(
      { chatId: id, messageId, counters: z.array(z.looseObject({})).optional() },
      { chatId: id, messageId },
    ),
    example: {
      opcode: 155,
      event: {
        chatId: 157880882,
        messageId: '117309440008060930',
        counters: [{ count: 1, reaction: '👍' }],
        totalCount: 1,
      },
      chatId: 157880882,
      messageId: '117309440008060930',
    },
  },
  OwnReaction: {
    summary: 'This account reacted on another device',
    since: 3,
    opcode: Opcode.NOTIF_MSG_YOU_REACTED,
    schema: pushed(
      { chatId: id, messageId, reactionInfo: z.looseObject({}) },
      { chatId: id, messageId },
    ),
    example: {
      opcode: 156,
      event: {
        chatId: 157880882,
        messageId: '117309440008060930',
        reactionInfo: {
          counters: [{ count: 1, reaction: '👍' }],
          yourReaction: '👍',
          totalCount: 1,
        },
      },
      chatId: 157880882,
      messageId: '117309440008060930',
    },
  },
  ScheduledUpdate: {
    summary: 'The queue of scheduled messages of a chat changed',
    since: 3,
    opcode: Opcode.NOTIF_MSG_DELAYED,
    schema: pushed({ chatId: id, message: message.optional() }, { chatId: id }),
    example: {
      opcode: 154,
      event: {
        chatId: 157880882,
        message: {
          id: '117309440008060940',
          time: 1790000000200,
          type: 'USER',
          sender: 120000017,
          text: 'Happy birthday',
          attaches: [],
          delayedAttributes: { timeToFire: 1790086400000, notifySender: true },
        },
        updateTypeId: 0,
        lastDelayedUpdateTime: 1790000000200,
      },
      chatId: 157880882,
    },
  },
  DraftUpdate: {
    summary: 'A draft was saved on another device',
    since: 3,
    opcode: Opcode.NOTIF_DRAFT,
    schema: pushed({ chatId: id.optional(), time: ms.optional() }, { chatId: id.optional() }),
    example: {
      opcode: 152,
      event: {
        chatId: 157880882,
        userId: 240000035,
        time: 1790000000300,
        draft: { text: 'Dear' },
      },
      chatId: 157880882,
    },
    dedupe: ({ chatId, userId, time }) => key('draft', chatId ?? '', userId ?? '', time),
  },
  DraftDiscard: {
    summary: 'A draft was thrown away on another device',
    since: 3,
    opcode: Opcode.NOTIF_DRAFT_DISCARD,
    schema: pushed({ chatId: id.optional(), time: ms.optional() }, { chatId: id.optional() }),
    example: {
      opcode: 153,
      event: { chatId: 157880882, userId: 240000035, time: 1790000000400 },
      chatId: 157880882,
    },
    dedupe: ({ chatId, userId, time }) => key('discard', chatId ?? '', userId ?? '', time),
  },
  Transcription: {
    summary: 'The text of a voice or video message is there, or will not come',
    since: 3,
    opcode: Opcode.NOTIF_TRANSCRIPTION,
    schema: pushed(
      {
        chatId: id,
        messageId,
        transcription: z.string().optional(),
        transcriptionStatus: z.union([z.string(), z.number()]),
      },
      { chatId: id, messageId },
    ),
    example: {
      opcode: 293,
      event: {
        chatId: 157880882,
        messageId: '117309440008060930',
        mediaId: 700000001,
        transcription: 'See you tomorrow',
        transcriptionStatus: 'SUCCESS',
      },
      chatId: 157880882,
      messageId: '117309440008060930',
    },
  },
  CallbackAnswer: {
    summary: 'A bot answered the press of a button with a notice',
    since: 3,
    opcode: Opcode.NOTIF_CALLBACK_ANSWER,
    schema: pushed({ chatId: id, text: z.string() }, { chatId: id }),
    example: {
      opcode: 143,
      event: { chatId: 157880882, text: 'Your order is on its way' },
      chatId: 157880882,
    },
  },
})
