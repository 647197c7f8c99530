import type { LiveTenant } from '../support/live-edge.ts'
import { sampleFile } from './requests.ts'

/**
 * Every operation that any generation of the original had (rest/contract.md §1), as its clients call it,
 * and the fields that each generation's typed client reads from the answer.
 */

/** `id`: a number of any size, or its digits. A trailing `?` marks a field that may be absent. */
export type FieldKind = 'string' | 'number' | 'boolean' | 'array' | 'object' | 'id' | 'any'
export interface Shape {
  [field: string]: FieldKind | `${FieldKind}?` | Shape | [Shape]
}

/** What an operation acts on, made anew for each test. */
export interface Scene {
  me: LiveTenant
  friend: LiveTenant
  chatId: number
  /** Of the friend, unread. */
  messageId: string
  /** A group of mine with the friend in it. */
  groupId: number
  /** Another group, which I may join by this link. */
  link: string
  /** Messages of mine with each kind of content. */
  media(kind: 'image' | 'video' | 'voice' | 'document'): Promise<{
    messageId: string
    attach: Record<string, unknown>
  }>
}

export interface Original {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  /** Who calls: a tenant that is online, one that is not logged in, the administrator, anybody. */
  by: 'online' | 'new' | 'admin' | 'anybody'
  body?: (scene: Scene) => object | Promise<object>
  answer: Shape
}

const message: Shape = { message: 'string' }
const sent: Shape = { messageId: 'string', chatId: 'id' }
const bytes: Shape = { data: 'string', mimeType: 'string' }

const user: Shape = {
  id: 'id',
  accountStatus: 'number',
  names: 'array',
  options: 'array',
  baseUrl: 'string',
  baseRawUrl: 'string',
  photoId: 'id',
  description: 'string',
  gender: 'id',
  link: 'string',
  updateTime: 'id',
  webApp: 'any',
  avatarUrl: 'string',
}
const chat: Shape = {
  id: 'id',
  type: 'string',
  title: 'string',
  owner: 'id',
  participants: 'object',
  participantsCount: 'number',
  options: 'object',
}
const historyMessage: Shape = {
  id: 'string',
  chatId: 'id',
  sender: 'id',
  text: 'string',
  time: 'number',
  type: 'string',
  elements: 'array',
  attaches: 'array',
}
const listedTenant: Shape = {
  id: 'string',
  name: 'string',
  token: 'string',
  maxUserId: 'any',
  webhook: 'string',
  events: 'string',
  connected: 'number',
  authenticated: 'boolean',
  history: 'number',
  max_user_id: 'any',
  proxy_config: { enabled: 'boolean', proxy_url: 'string' },
  s3_config: 'object',
}
const flatTenant: Shape = {
  id: 'string',
  name: 'string',
  token: 'string',
  webhook: 'string',
  max_user_id: 'number',
  device_id: 'string',
  connected: 'boolean',
  connected_flag: 'boolean',
  auth_configured: 'boolean',
  events: 'array',
  proxy_configured: 'boolean',
  proxy_url: 'string',
  history: 'number',
  s3_enabled: 'boolean',
  s3_endpoint: 'string',
  s3_region: 'string',
  s3_bucket: 'string',
  media_delivery: 'string',
}

type Body = NonNullable<Original['body']>
const online = (path: string, body: Body | undefined, answer: Shape): Original => ({
  method: body === undefined ? 'GET' : 'POST',
  path,
  by: 'online',
  ...(body && { body }),
  answer,
})
const inChat =
  (more: (scene: Scene) => object = () => ({})): Body =>
  (scene) => ({ chatId: scene.chatId, ...more(scene) })
const inGroup =
  (more: (scene: Scene) => object = () => ({})): Body =>
  (scene) => ({ chatId: scene.groupId, ...more(scene) })

const download =
  (kind: 'image' | 'video' | 'voice' | 'document', id: string, own: string): Body =>
  async (scene) => {
    const { messageId, attach } = await scene.media(kind)
    return { chatId: scene.chatId, messageId, [own]: attach[id] }
  }

export const originals: Original[] = [
  // §1.1
  { method: 'GET', path: '/admin/users', by: 'admin', answer: { data: [listedTenant] } },
  {
    method: 'GET',
    path: '/admin/users/{userid}',
    by: 'admin',
    answer: { data: listedTenant, ...flatTenant },
  },
  {
    method: 'POST',
    path: '/admin/users',
    by: 'admin',
    body: () => ({ name: 'Shop', webhook: '', events: 'Message,ReadReceipt' }),
    answer: { id: 'string', token: 'string', name: 'string' },
  },
  {
    method: 'PUT',
    path: '/admin/users/{userid}',
    by: 'admin',
    body: () => ({ name: 'Shop', webhook: '', events: 'All' }),
    answer: message,
  },
  { method: 'DELETE', path: '/admin/users/{userid}', by: 'admin', answer: message },
  // §1.2
  {
    method: 'GET',
    path: '/health',
    by: 'anybody',
    answer: {
      status: 'string',
      version: 'string',
      uptime_seconds: 'number',
      db_ok: 'boolean',
      rabbitmq_ok: 'boolean',
      connected_users: 'number',
      goroutines: 'number',
      mem_alloc_mb: 'number',
      timestamp: 'number',
    },
  },
  // §1.3; the three steps of a login by SMS have a test of their own.
  {
    method: 'POST',
    path: '/session/auth/request',
    by: 'new',
    body: ({ me }) => ({ phone: me.account.phone, language: 'ru' }),
    answer: { ...message, tempToken: 'string' },
  },
  {
    method: 'POST',
    path: '/session/auth/confirm',
    by: 'new',
    body: async ({ me }) => {
      await me.ok('POST', '/session/auth/request', { phone: me.account.phone })
      return { code: '123456' }
    },
    answer: {
      ...message,
      authToken: 'string',
      registerToken: 'string',
      requiresRegistration: 'boolean',
    },
  },
  {
    method: 'POST',
    path: '/session/auth/register',
    by: 'new',
    body: async ({ me }) => {
      // Nobody has this number yet.
      const phone = `+7${String(me.account.phone).slice(2).split('').reverse().join('')}`
      await me.ok('POST', '/session/auth/request', { phone })
      await me.ok('POST', '/session/auth/confirm', { code: '123456' })
      return { firstName: 'Ann', lastName: 'Smith' }
    },
    answer: { ...message, authToken: 'string' },
  },
  {
    method: 'POST',
    path: '/session/auth/qr/start',
    by: 'new',
    answer: {
      qrLink: 'string',
      qrCodeBase64: 'string',
      trackId: 'string',
      pollingInterval: 'number',
      ttl: 'number',
      expiresAt: 'number',
    },
  },
  {
    method: 'GET',
    path: '/session/auth/qr/status',
    by: 'new',
    answer: { status: 'string', authToken: 'string?' },
  },
  { method: 'POST', path: '/session/auth/qr/cancel', by: 'new', answer: message },
  { method: 'GET', path: '/session/qr', by: 'new', answer: { qrcode: 'string' } },
  {
    method: 'POST',
    path: '/session/connect',
    by: 'online',
    body: () => ({ Subscribe: ['Message', 'ReadReceipt'], Immediate: true }),
    answer: { ...message, details: 'string', events: 'string', alreadyConnected: 'boolean' },
  },
  { method: 'POST', path: '/session/disconnect', by: 'online', answer: message },
  { method: 'POST', path: '/session/logout', by: 'online', answer: message },
  online('/session/status', undefined, {
    connected: 'boolean',
    authenticated: 'boolean',
    loggedIn: 'boolean',
    maxUserID: 'number',
  }),
  {
    method: 'POST',
    path: '/session/sync',
    by: 'online',
    answer: {
      maxUserID: 'number',
      profile: 'object',
      chats: 'array',
      contacts: 'array',
      messages: 'object',
      config: 'object',
      time: 'number',
    },
  },
  // §1.4
  ...(['POST', 'PUT'] as const).map(
    (method): Original => ({
      method,
      path: '/webhook',
      by: 'online',
      body: () => ({ webhook: 'https://example.com/hook' }),
      answer: { webhook: 'string' },
    }),
  ),
  online('/webhook', undefined, { webhook: 'string' }),
  { method: 'DELETE', path: '/webhook', by: 'online', answer: message },
  // §1.5
  online(
    '/chat/send/text',
    inChat(() => ({ text: 'hi', replyTo: 0, notify: true })),
    sent,
  ),
  online(
    '/chat/send/image',
    inChat(() => ({ image: sampleFile('png'), caption: 'x' })),
    sent,
  ),
  online(
    '/chat/send/video',
    inChat(() => ({ video: sampleFile('mp4'), fileName: 'v.mp4' })),
    sent,
  ),
  online(
    '/chat/send/audio',
    inChat(() => ({ audio: sampleFile('ogg'), fileName: 'a.mp3' })),
    sent,
  ),
  online(
    '/chat/send/document',
    inChat(() => ({ document: sampleFile('pdf') })),
    sent,
  ),
  online(
    '/chat/send/edit',
    async ({ me, chatId }) => {
      const { messageId } = await me.ok('POST', '/chat/send/text', { chatId, text: 'a' })
      return { chatId, messageId, text: 'b' }
    },
    message,
  ),
  online(
    '/chat/delete',
    inChat(({ messageId }) => ({ messageIds: [messageId], forMe: true })),
    message,
  ),
  online(
    '/chat/markread',
    inChat(({ messageId }) => ({ messageId })),
    message,
  ),
  online(
    '/chat/history',
    inChat(() => ({ count: 50, fromTime: 0 })),
    {
      messages: [historyMessage],
    },
  ),
  online(
    '/chat/react',
    inChat(({ messageId }) => ({ messageId, reaction: '👍' })),
    message,
  ),
  // §1.6
  online(
    '/chat/downloadimage',
    async ({ media }) => ({ url: (await media('image')).attach.baseUrl }),
    bytes,
  ),
  online(
    '/chat/downloadaudio',
    async ({ media }) => ({ url: (await media('voice')).attach.url }),
    bytes,
  ),
  online('/chat/downloadvideo', download('video', 'videoId', 'videoId'), {
    ...bytes,
    url: 'string',
  }),
  online('/chat/downloaddocument', download('document', 'fileId', 'fileId'), bytes),
  // §1.7
  online('/user/contacts', undefined, {
    contacts: [user],
    count: 'number',
  }),
  online('/user/check', ({ friend }) => ({ phone: [friend.account.phone] }), {
    users: [{ phone: 'string', exists: 'boolean', maxUserId: 'id', name: 'string?' }],
  }),
  online('/user/info', ({ friend }) => ({ userIds: [friend.account.id] }), {
    users: [user],
    count: 'number',
  }),
  online('/user/avatar', ({ friend }) => ({ userId: friend.account.id }), { avatarUrl: 'string' }),
  online('/user/presence', inChat(), message),
  online('/user/chats', undefined, {
    dialogs: [{ id: 'id', type: 'string' }],
    groups: [chat],
    channels: 'array',
    counts: { dialogs: 'number', groups: 'number', channels: 'number' },
  }),
  // §1.8
  online('/group/create', ({ friend }) => ({ name: 'Team', participants: [friend.account.id] }), {
    chat,
  }),
  online('/group/list', undefined, { groups: [chat], channels: 'array' }),
  online('/group/info', inGroup(), { chat }),
  online('/group/invitelink', inGroup(), { inviteLink: 'string' }),
  online('/group/join', ({ link }) => ({ link }), { chat }),
  online('/group/leave', inGroup(), message),
  online(
    '/group/name',
    inGroup(() => ({ name: 'New name' })),
    message,
  ),
  online(
    '/group/topic',
    inGroup(() => ({ topic: 'New topic' })),
    message,
  ),
  online(
    '/group/updateparticipants',
    inGroup(({ friend }) => ({ userIds: [friend.account.id], operation: 'remove' })),
    message,
  ),
]
