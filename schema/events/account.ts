import { z } from 'zod'
import { Opcode } from '../opcodes.ts'
import { fetchedKinds, receivedFile } from '../received-file.ts'
import { id, key, messageId, pushed, rows } from './define.ts'

export const accountEvents = rows({
  ContactUpdate: {
    summary: 'A contact changed',
    since: 'original',
    opcode: Opcode.NOTIF_CONTACT,
    schema: pushed({ contact: z.looseObject({ id }) }),
    example: {
      opcode: 131,
      event: {
        contact: {
          id: 240000035,
          names: [{ name: 'Bob Miller', firstName: 'Bob', lastName: 'Miller', type: 'ONEME' }],
          options: ['TT', 'ONEME'],
          accountStatus: 0,
          updateTime: 1790000000700,
        },
      },
    },
  },
  PresenceUpdate: {
    summary: 'Somebody came or went',
    description:
      '`seen` is in seconds; `status` 1 is online, 2 recently, 3 long ago, none is offline.',
    since: 'original',
    opcode: Opcode.NOTIF_PRESENCE,
    schema: pushed({ userId: id, presence: z.looseObject({ seen: z.number().optional() }) }),
    example: {
      opcode: 132,
      event: { userId: 240000035, presence: { seen: 1790000000, status: 1 } },
    },
  },
  ProfileUpdate: {
    summary: 'This account’s own profile changed on another device',
    since: 3,
    opcode: Opcode.NOTIF_PROFILE,
    schema: pushed({ profile: z.looseObject({}) }),
    example: {
      opcode: 159,
      event: {
        profile: {
          contact: { id: 120000017, names: [{ name: 'Ivan', firstName: 'Ivan', type: 'ONEME' }] },
          profileOptions: [],
        },
      },
    },
  },
  ConfigUpdate: {
    summary: 'Settings of this account changed on another device',
    description: 'Privacy, notifications, muted chats: only what changed.',
    since: 3,
    opcode: Opcode.NOTIF_CONFIG,
    schema: pushed({ config: z.looseObject({}) }),
    example: {
      opcode: 134,
      event: {
        config: { hash: '0e1f2a3b4c5d6e7f', chats: { '157880882': { dontDisturbUntil: -1 } } },
      },
    },
  },
  ContactSort: {
    summary: 'The order of the contact list changed',
    since: 3,
    opcode: Opcode.NOTIF_CONTACT_SORT,
    schema: pushed({}),
    example: { opcode: 139, event: { ids: [240000035], phones: [], rindex: [0] } },
  },
  CallIncoming: {
    summary: 'Somebody calls',
    description: 'Who and in which chat. The parameters to take part in the call are left out.',
    since: 3,
    opcode: Opcode.NOTIF_CALL_START,
    schema: pushed(
      { conversationId: z.string().optional(), callerId: id.optional() },
      { chatId: id.optional() },
    ),
    example: {
      opcode: 137,
      event: {
        conversationId: '0b7e0a52-0000-4000-8000-000000000002',
        chatId: 157880882,
        callerId: 240000035,
        type: 'AUDIO',
        isContact: true,
      },
      chatId: 157880882,
    },
    // A call rings once, however often the server says so.
    dedupe: ({ conversationId }) => key('call', conversationId),
  },
  CallHistory: {
    summary: 'The list of calls changed',
    since: 3,
    opcode: Opcode.NOTIF_CALL_HISTORY,
    schema: pushed({ callHistoryItems: z.array(z.looseObject({})).optional() }),
    example: {
      opcode: 165,
      event: {
        action: 'ADD',
        callHistorySync: 1790000000800,
        prevCallHistorySync: 1789990000000,
        callHistoryItems: [{ chatId: 157880882, callType: 'AUDIO', durationMs: 61000 }],
      },
    },
  },
  LocationUpdate: {
    summary: 'A live location moved',
    since: 3,
    opcode: Opcode.NOTIF_LOCATION,
    schema: pushed({ userId: id.optional(), location: z.looseObject({}).optional() }),
    example: {
      opcode: 147,
      event: {
        userId: 240000035,
        deviceId: 'phone',
        location: { latitude: 55.75, longitude: 37.62 },
      },
    },
  },
  LocationRequest: {
    summary: 'MAX asks this account’s devices for the live location',
    since: 3,
    opcode: Opcode.NOTIF_LOCATION_REQUEST,
    schema: pushed({}),
    example: { opcode: 148, event: {} },
  },
  AssetsUpdate: {
    summary: 'Stickers or reactions of this account changed',
    since: 3,
    opcode: Opcode.NOTIF_ASSETS_UPDATE,
    schema: pushed({ type: z.string().optional() }),
    example: {
      opcode: 150,
      event: { type: 'FAVORITE_STICKER', updateType: 'ADDED', id: 4711, sync: 1790000000900 },
    },
  },
  StoriesUpdate: {
    summary: 'Somebody’s stories changed',
    since: 3,
    opcode: Opcode.NOTIF_STORIES_UPDATE,
    schema: pushed({ storiesPreview: z.looseObject({}).optional() }),
    example: { opcode: 216, event: { storiesPreview: { ownerId: 240000035, count: 1 } } },
  },
  BannersUpdate: {
    summary: 'MAX has other notices to show',
    since: 3,
    opcode: Opcode.NOTIF_BANNERS,
    schema: pushed({ banners: z.array(z.looseObject({})).optional() }),
    example: {
      opcode: 292,
      event: { banners: [], updateTime: 1790000001000, showTime: 86400000 },
    },
  },
  FileReady: {
    summary: 'A received file was fetched, or an upload was processed',
    description:
      'Of a received attachment it comes once, after its `Message`, when the content is where ' +
      '`media_delivery` says, or when that has failed for good (`error`). `chatId`, `messageId` and ' +
      '`index` are those of the attachment in `Message`. Of an upload of this account: `event` has ' +
      '`fileId`, `videoId` or `audioId`, or an `error`, and nothing beside it.',
    since: 'original',
    opcode: Opcode.NOTIF_ATTACH,
    schema: z.looseObject({
      opcode: z.number().optional().describe('Of an upload only: MAX opcode of the push'),
      event: z.looseObject({}).optional().describe('Of an upload only'),
      chatId: id.optional(),
      messageId: messageId.optional(),
      index: z.number().optional().describe('Of the attachment in `attachments`'),
      kind: z.enum(fetchedKinds).optional(),
      mediaId: id.optional().describe('The attachment’s `id`'),
      ...receivedFile,
    }),
    example: {
      chatId: 157880882,
      messageId: '117309440008060930',
      index: 0,
      kind: 'image',
      mediaId: 5368709120,
      size: 48213,
      contentType: 'image/jpeg',
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      storageKey:
        'users/79d8e64c-8d9c-4d26-bb4c-94cd7c0f08b1/inbox/157880882/2026/09/21/images/117309440008060930-0.jpg',
      url: 'https://media.example.com/users/79d8e64c/117309440008060930-0.jpg?X-Amz-Expires=604800',
      urlExpiresAt: '2026-09-28T14:13:21.000Z',
    },
  },
  Raw: {
    summary: 'MAX pushed something that no other event stands for',
    description: 'The payload as it came. Only filters that name `Raw` get it.',
    since: 3,
    schema: pushed({}),
    example: { opcode: 243, event: { chatId: 157880882 }, chatId: 157880882 },
    onlyByName: true,
  },
})
