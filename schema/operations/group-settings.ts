import { z } from 'zod'
import { chatLink, wireLink } from '../chat-link.ts'
import {
  changedChat,
  chatById,
  chatDescription,
  chatId,
  publicPreview,
  resetLink,
  updateChat,
  userId,
  writeErrors,
} from '../chats.ts'
import { GatewayError } from '../errors.ts'
import { group, inGroup, person, stranger } from '../example-chats.ts'
import { type IdValue, publicValue } from '../ids.ts'
import { ChatModel } from '../model.ts'
import { Opcode } from '../opcodes.ts'
import type { SessionPort } from '../session-port.ts'
import { isWireMap, wireId } from '../wire.ts'
import { maxErrors, operation } from './define.ts'

/** What a group or channel is like and how one finds it: options, owner, access and links. */

/** Flags that MAX lets a client set (operations-and-events.md §2.8). */
const optionNames = {
  ALL_CAN_PIN_MESSAGE: 'Every member may pin messages',
  ONLY_ADMIN_CAN_ADD_MEMBER: 'Only administrators may add people',
  ONLY_ADMIN_CAN_CALL: 'Only administrators may start a call',
  ONLY_OWNER_CAN_CHANGE_ICON_TITLE: 'Members may not change photo and title',
  MEMBERS_CAN_SEE_PRIVATE_LINK: 'Every member sees the invite link',
  COMMENTS: 'Posts of a channel can be commented on',
} as const

const options = z
  .strictObject(
    Object.fromEntries(
      Object.entries(optionNames).map(([name, text]) => [
        name,
        z.boolean().optional().describe(text),
      ]),
    ),
  )
  .refine((flags) => Object.keys(flags).length > 0, 'expected at least one option')
  .describe('Options to switch; what is left out stays as it is')

const publicName = z
  .string()
  .trim()
  .max(64)
  .transform((text) => text.replace(/^(?:(?:https?:\/\/)?max\.ru\/|@)/i, ''))
  .describe('Name in the public link, e.g. `our_team` for https://max.ru/our_team')

/** Whether a public name can be had (CHAT_CHECK_LINK answers with nothing when it can). */
const isFree = async (session: SessionPort, link: string, linkType: string): Promise<boolean> => {
  try {
    await session.call(Opcode.CHAT_CHECK_LINK, { link, linkType })
    return true
  } catch (error) {
    const code = error instanceof GatewayError ? error.data.maxError?.code : undefined
    if (code?.startsWith('link.') === true) return false
    throw error
  }
}

const setPublicName = async (session: SessionPort, id: IdValue, name: string) => {
  const { type } = await chatById(session, id)
  if (!(await isFree(session, name, String(type)))) {
    throw new GatewayError('CONFLICT', 'this public name cannot be had', { field: 'name' })
  }
  return updateChat(session, id, { link: name })
}

const inviteLink = z.looseObject({ inviteLink: z.string() })

/** What a link can lead to (LINK_INFO, §3.6). */
const linkTargets = ['chat', 'user', 'group', 'message', 'stickerSet', 'videoConference'] as const
const preview = z.looseObject({
  kind: z.enum([...linkTargets, 'unknown']).describe('Which of the other fields is there'),
  chat: ChatModel.optional(),
})

/** What a link leads to; nothing is joined. */
const previewLink = async (session: SessionPort, link: string) => {
  const reply = await session.call(Opcode.LINK_INFO, { link })
  const shown = publicValue(reply) as Record<string, unknown>
  return {
    ...shown,
    kind: linkTargets.find((name) => isWireMap(reply[name])) ?? ('unknown' as const),
    ...(isWireMap(reply.chat) ? { chat: publicPreview(reply.chat) } : {}),
  }
}

export const groupSettingsOperations = {
  setGroupDescription: operation({
    method: 'POST',
    path: '/group/description',
    scope: 'tenant',
    summary: 'Change the description of a group or channel',
    description: 'An empty description takes it away.',
    online: true,
    input: z.object({ chatId, description: chatDescription }),
    output: changedChat,
    example: {
      input: { ...inGroup, description: '' },
      output: { message: 'Description updated', chat: group },
    },
    errors: writeErrors,
    run: async (session, { chatId, description }) => ({
      message: 'Description updated',
      chat: await updateChat(session, chatId, { description }),
    }),
  }),
  setGroupOptions: operation({
    method: 'POST',
    path: '/group/options',
    scope: 'tenant',
    summary: 'Switch options of a group or channel',
    description:
      'Options have MAX’s own names. The answer’s `chat.options` has all that are set, also those ' +
      'that only MAX can change.',
    online: true,
    input: z.object({ chatId, options }),
    output: changedChat,
    example: {
      input: { ...inGroup, options: { ONLY_ADMIN_CAN_ADD_MEMBER: true } },
      output: {
        message: 'Options updated',
        chat: { ...group, options: { ONLY_ADMIN_CAN_ADD_MEMBER: true } },
      },
    },
    errors: writeErrors,
    run: async (session, { chatId, options }) => ({
      message: 'Options updated',
      chat: await updateChat(session, chatId, { options }),
    }),
  }),
  setGroupOwner: operation({
    method: 'POST',
    path: '/group/owner',
    scope: 'tenant',
    summary: 'Give a group or channel to another owner',
    description: 'Only the owner can, only to a member, and only the new owner can take it back.',
    online: true,
    input: z.object({ chatId, userId }),
    output: changedChat,
    example: {
      input: { ...inGroup, userId: person },
      output: { message: 'Owner changed', chat: { ...group, owner: person, myRole: 'member' } },
    },
    errors: writeErrors,
    run: async (session, { chatId, userId }) => ({
      message: 'Owner changed',
      chat: await updateChat(session, chatId, { changeOwnerId: wireId(userId) }),
    }),
  }),
  setGroupAccess: operation({
    method: 'POST',
    path: '/group/access',
    scope: 'tenant',
    summary: 'Make a group or channel public or private',
    description:
      'A public chat is found by search and needs a public name: give one as `name` unless it has ' +
      'one. A private chat is entered by its invite link only; its public name is given up.',
    online: true,
    input: z.object({
      chatId,
      access: z
        .string()
        .transform((text) => text.toUpperCase())
        .pipe(z.enum(['PUBLIC', 'PRIVATE'], 'expected PUBLIC or PRIVATE'))
        .describe('`PUBLIC` or `PRIVATE`'),
      name: publicName.optional(),
    }),
    output: changedChat,
    example: {
      input: { ...inGroup, access: 'PUBLIC', name: 'our_team' },
      output: {
        message: 'Access updated',
        chat: { ...group, access: 'PUBLIC', link: 'https://max.ru/our_team' },
      },
    },
    errors: [...writeErrors, 'CONFLICT'],
    run: async (session, { chatId, access, name }) => {
      if (access === 'PUBLIC' && name) await setPublicName(session, chatId, name)
      return { message: 'Access updated', chat: await updateChat(session, chatId, { access }) }
    },
  }),
  setGroupLink: operation({
    method: 'POST',
    path: '/group/link',
    scope: 'tenant',
    summary: 'Give a group or channel a public name, or take it away',
    description:
      'The name is checked before it is taken: 409 when somebody has it or MAX does not allow it. ' +
      '"" takes the public link away, and the chat is private again.',
    online: true,
    input: z.object({ chatId, name: publicName }),
    output: changedChat,
    example: {
      input: { ...inGroup, name: 'our_team' },
      output: {
        message: 'Link updated',
        chat: { ...group, access: 'PUBLIC', link: 'https://max.ru/our_team' },
      },
    },
    errors: [...writeErrors, 'CONFLICT'],
    run: async (session, { chatId, name }) => ({
      message: 'Link updated',
      chat:
        name === ''
          ? await updateChat(session, chatId, { removeLink: true })
          : await setPublicName(session, chatId, name),
    }),
  }),
  checkGroupLink: operation({
    method: 'POST',
    path: '/group/link/check',
    scope: 'tenant',
    summary: 'Whether a public name can be had',
    description: 'Asks MAX and takes nothing. `available: false` for names it does not allow, too.',
    reads: true,
    online: true,
    input: z.object({
      name: publicName.pipe(z.string().min(1)).describe('Public name to look for'),
      type: z.enum(['CHAT', 'CHANNEL']).default('CHANNEL').describe('What the name is for'),
    }),
    output: z.looseObject({ name: z.string(), available: z.boolean() }),
    example: { input: { name: 'our_team' }, output: { name: 'our_team', available: true } },
    errors: maxErrors,
    run: async (session, { name, type }) => ({
      name,
      available: await isFree(session, name, type),
    }),
  }),
  revokeInviteLink: operation({
    method: 'POST',
    path: '/group/invitelink/revoke',
    scope: 'tenant',
    summary: 'Replace the private invite link by a new one',
    description: 'The old link stops working. Needs the right `changeLink`.',
    online: true,
    input: z.object({ chatId }),
    output: inviteLink,
    example: { input: inGroup, output: { inviteLink: 'https://max.ru/join/ANOTHERtoken' } },
    errors: writeErrors,
    run: async (session, { chatId }) => ({ inviteLink: await resetLink(session, chatId) }),
  }),
  previewInviteLink: operation({
    method: 'POST',
    path: '/group/invitelink/preview',
    scope: 'tenant',
    summary: 'What a link leads to, without joining',
    description:
      'Takes invite links, public links and `@name`, with or without `https://max.ru/`. A link may ' +
      'also lead to a person, a sticker set or a call: `kind` says which.',
    reads: true,
    online: true,
    input: z.object({ link: chatLink }),
    output: preview,
    example: {
      input: { link: 'https://max.ru/join/EXAMPLEtoken' },
      output: { kind: 'chat', chat: stranger },
    },
    errors: [...maxErrors, 'NOT_FOUND'],
    run: async (session, { link }) => previewLink(session, wireLink(link)),
  }),
  getInviteInfo: operation({
    method: 'POST',
    path: '/group/inviteinfo',
    scope: 'tenant',
    summary: 'What an invite leads to, by link or by code',
    description:
      'As `POST /group/invitelink/preview`; `code` is the part of an invite link after `join/`.',
    reads: true,
    online: true,
    input: z.object({
      link: chatLink.optional(),
      code: z.string().trim().max(500).optional().describe('Instead of `link`'),
    }),
    output: preview,
    example: {
      input: { code: 'EXAMPLEtoken' },
      output: { kind: 'chat', chat: stranger },
    },
    errors: [...maxErrors, 'NOT_FOUND'],
    run: async (session, { link, code }) => {
      if (link) return previewLink(session, wireLink(link))
      if (!code) throw new GatewayError('INVALID_INPUT', 'link is required', { field: 'link' })
      return previewLink(session, wireLink(/\//.test(code) ? code : `join/${code}`))
    },
  }),
}
