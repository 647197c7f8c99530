import { z } from 'zod'
import { Opcode } from '../opcodes.ts'
import { type EventRow, id, messageId, ms, pushed, rows } from './define.ts'

/** An event made out of a service message; `Message` brings the message itself as well. */
const derived = (
  summary: string,
  control: readonly string[],
  fields: z.ZodRawShape,
  example: Record<string, unknown>,
): EventRow => ({
  summary,
  description:
    'Made out of a service message: the same fact also comes as `Message`, whose id is `messageId`.',
  since: 3,
  control,
  schema: z.looseObject({
    opcode: z.number(),
    chatId: id,
    messageId,
    event: z.looseObject({
      event: z.string().describe('What happened, in MAX’s word'),
      actorId: id.optional().describe('Who did it'),
      time: ms,
      ...fields,
    }),
    catchUp: z.literal(true).optional(),
  }),
  example: {
    opcode: 128,
    event: { event: control[0], actorId: 120000017, time: 1790000000500, ...example },
    chatId: -70000000000123,
    messageId: '117309440008061005',
  },
})

const userIds = z.array(id).describe('Whom it is about')

export const chatEvents = rows({
  ChatUpdate: {
    summary: 'A chat changed',
    description: 'The whole chat as it is now; `status` REMOVED or LEFT when it is gone.',
    since: 'original',
    opcode: Opcode.NOTIF_CHAT,
    schema: pushed(
      { chat: z.looseObject({ id, type: z.string(), status: z.string().optional() }) },
      { chatId: id },
    ),
    example: {
      opcode: 135,
      event: {
        chat: {
          id: -70000000000123,
          type: 'CHAT',
          status: 'ACTIVE',
          owner: 120000017,
          title: 'Team',
          participantsCount: 2,
        },
      },
      chatId: -70000000000123,
    },
  },
  ChatCreated: derived(
    'A group or channel was created',
    ['new'],
    { userIds, title: z.string().optional(), chatType: z.string().optional() },
    { userIds: [240000035], chatType: 'CHAT', title: 'Team' },
  ),
  MemberJoined: derived(
    'People joined a group or channel, or were added',
    ['add', 'joinByLink'],
    { userIds },
    { userIds: [240000035] },
  ),
  MemberLeft: derived(
    'Somebody left a group or channel, or was removed',
    ['leave', 'remove'],
    { userIds },
    { userIds: [120000017] },
  ),
  TitleChange: derived(
    'A group or channel was renamed',
    ['title'],
    { title: z.string().optional() },
    { title: 'New name' },
  ),
  IconChange: derived('A group or channel got another picture', ['icon'], {}, { photoId: 9000001 }),
  MessagePin: derived(
    'A message was pinned',
    ['pin'],
    { pinnedMessage: z.looseObject({}).optional() },
    { pinnedMessage: { id: '117309440008060930' } },
  ),
  BotStarted: derived(
    'A dialog with a bot was started',
    ['botStarted'],
    { startPayload: z.string().optional() },
    { startPayload: 'campaign-7' },
  ),
  FoldersUpdate: {
    summary: 'Folders of the chat list changed on another device',
    since: 3,
    opcode: Opcode.NOTIF_FOLDERS,
    schema: pushed({ folders: z.array(z.looseObject({})).optional() }),
    example: {
      opcode: 277,
      event: {
        folders: [
          {
            id: '6f0f4c0e-0000-4000-8000-000000000001',
            title: 'Work',
            include: [157880882],
            filters: [],
            options: [],
            sourceId: 1,
            updateTime: 1790000000600,
          },
        ],
        foldersOrder: ['all.chat.folder', '6f0f4c0e-0000-4000-8000-000000000001'],
        folderSync: 1790000000600,
        allFilterExcludeFolders: [],
      },
    },
  },
})
