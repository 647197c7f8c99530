import { z } from 'zod'
import { publicChat } from '../chats.ts'
import { eventListInput } from '../events.ts'
import { publicValue } from '../ids.ts'
import { parseJson } from '../json.ts'
import { ChatModel } from '../model.ts'
import { refuseHistory, refuseProxy } from '../not-supported.ts'
import { stringifyWithoutSecrets } from '../secrets.ts'
import { CHATS_AT_MOST, CONTACTS_AT_MOST, readAccount, type SyncAnswer } from '../sync.ts'
import { asMaps } from '../wire.ts'
import { dialErrors, maxErrors, operation } from './define.ts'

/** How long `/session/connect` waits for the session to come online before it answers. */
const CONNECT_WAIT_MS = 10_000

export const sessionOperations = {
  connect: operation({
    method: 'POST',
    path: '/session/connect',
    scope: 'tenant',
    summary: 'Bring the session online; begins a QR login when there is no account yet',
    description:
      'Waits up to 10 seconds for MAX, or not at all with `immediate`; `details` says how far it came, ' +
      'and the session goes on trying. Without `subscribe` the events stay as they are. With an ' +
      'account that is online already this changes nothing. "Awaiting QR scan" means: show the code of ' +
      '`GET /session/qr`.',
    example: {
      input: { subscribe: ['Message', 'ReadReceipt'], immediate: false },
      output: {
        message: 'Connected to MAX',
        details: 'Connected to MAX',
        events: 'Message,ReadReceipt',
        alreadyConnected: false,
      },
    },
    errors: [...dialErrors, 'LOGIN_REQUIRED', 'ALREADY_LOGGED_IN', 'ATTEMPTS_EXHAUSTED'],
    input: z.object({
      subscribe: eventListInput.optional().describe('Replaces the events to deliver when given'),
      immediate: z.boolean().default(false).describe('Answer without waiting for MAX'),
    }),
    output: z.looseObject({ message: z.string(), details: z.string(), events: z.string() }),
    run: async (session, input) => {
      if (input.subscribe !== undefined) session.setEvents(input.subscribe)
      const before = session.status()
      const events = session.events().join(',')
      const answer = (details: string, extra: Record<string, unknown> = {}) => ({
        message: details,
        details,
        events,
        ...extra,
      })
      if (before.state === 'online') {
        return answer('Already connected to MAX', { alreadyConnected: true })
      }
      if (!before.authenticated) {
        await session.qr()
        return answer('Awaiting QR scan', { alreadyConnected: false })
      }
      await session.connect(input.immediate ? 0 : CONNECT_WAIT_MS)
      return answer(
        session.status().state === 'online' ? 'Connected to MAX' : 'Connecting to MAX',
        {
          alreadyConnected: false,
        },
      )
    },
  }),
  disconnect: operation({
    method: 'POST',
    path: '/session/disconnect',
    scope: 'tenant',
    summary: 'Close the session and stay offline; the account stays logged in',
    description: 'Ends a login that is under way as well. Nothing comes back by itself after this.',
    example: { input: {}, output: { message: 'Disconnected' } },
    input: z.object({}),
    output: z.object({ message: z.string() }),
    run: async (session) => {
      await session.disconnect()
      return { message: 'Disconnected' }
    },
  }),
  logout: operation({
    method: 'POST',
    path: '/session/logout',
    scope: 'tenant',
    summary: 'Log out of MAX; the tenant and its settings stay',
    description:
      'MAX is told if it can be reached. Everything known of the account is forgotten; token, webhook ' +
      'and events of the tenant stay, so that it can log in again.',
    example: { input: {}, output: { message: 'Logged out' } },
    input: z.object({}),
    output: z.object({ message: z.string() }),
    run: async (session) => {
      await session.logout()
      return { message: 'Logged out' }
    },
  }),
  getStatus: operation({
    method: 'GET',
    path: '/session/status',
    scope: 'tenant',
    summary: 'The true state of the session',
    description:
      '`connected` is true only while MAX answers. `state` says how far a login or a reconnect is, ' +
      '`reason` and `action` why it stopped and what a person must do.',
    input: z.object({}),
    output: z.looseObject({
      connected: z.boolean(),
      authenticated: z.boolean(),
      loggedIn: z.boolean(),
      maxUserID: z.number(),
      maxUserId: z.number().describe('The same'),
      state: z.string(),
    }),
    example: {
      input: {},
      output: {
        connected: true,
        authenticated: true,
        loggedIn: true,
        maxUserID: 120000017,
        maxUserId: 120000017,
        state: 'online',
        wanted: 'online',
        onlineSince: '2026-11-23T16:54:06.754Z',
        pingMs: 42,
        pendingSends: 0,
        delivery: { pending: 0, failing: false },
      },
    },
    run: async (session) => {
      const status = session.status()
      return { ...status, maxUserId: status.maxUserID }
    },
  }),
  syncSession: operation({
    method: 'POST',
    path: '/session/sync',
    scope: 'tenant',
    summary: 'Read the account anew, as after a login',
    description:
      `Profile, contacts (up to ${CONTACTS_AT_MOST}), presence, settings and the newest ${CHATS_AT_MOST} ` +
      'chats in the form of the login answer of MAX, without a second login: the session stays up. ' +
      'Login tokens and other secrets are left out. A `Sync` event with `manual: true` tells the same.',
    reads: true,
    online: true,
    input: z.object({}),
    output: z.looseObject({
      maxUserID: z.number(),
      profile: z.looseObject({}),
      chats: z.array(ChatModel),
      contacts: z.array(z.looseObject({})),
      presence: z.looseObject({}),
      config: z.looseObject({}),
      messages: z.looseObject({}),
      time: z.number(),
    }),
    example: {
      input: {},
      output: {
        maxUserID: 120000017,
        profile: { contact: { id: 120000017 }, profileOptions: [] },
        chats: [{ id: 157880882, type: 'DIALOG' }],
        contacts: [{ id: 240000035 }],
        presence: { '240000035': { seen: 1790000000 } },
        config: { user: { HIDDEN: false } },
        messages: {},
        time: 1790000000123,
      },
    },
    errors: maxErrors,
    run: async (session) => {
      const data = await readAccount(session)
      session.announceSync(data)
      const chats = asMaps(data.chats).map((chat) => publicChat(session, chat))
      const whole = { ...(publicValue(data) as object), chats }
      const shown = parseJson(stringifyWithoutSecrets(whole))
      return { maxUserID: session.userId, ...(shown as SyncAnswer) }
    },
  }),
  setHistory: operation({
    method: 'POST',
    path: '/session/history',
    scope: 'tenant',
    summary: 'How many messages per chat to keep: none, they are read from MAX',
    description:
      'A setting of older versions, which copied messages into their database and never read them ' +
      'back. `POST /chat/history` asks MAX itself, without a limit of ours, so nothing has to be kept: ' +
      '0 is accepted, anything else is NOT_SUPPORTED.',
    input: z.object({ history: z.int().min(0).describe('Messages per chat') }),
    output: z.looseObject({ message: z.string(), history: z.number() }),
    example: { input: { history: 0 }, output: { message: 'No history is kept', history: 0 } },
    errors: ['NOT_SUPPORTED'],
    run: async (_session, input) => {
      refuseHistory(input.history)
      return { message: 'No history is kept', history: 0 }
    },
  }),
  setProxy: operation({
    method: 'POST',
    path: '/session/proxy',
    scope: 'tenant',
    summary: 'A proxy of the tenant: there is none',
    description:
      'A setting of older versions, which used the proxy for webhooks only and never for MAX. ' +
      '`enable: false` is accepted; `enable: true` is NOT_SUPPORTED rather than ignored, because a proxy ' +
      'that is not used gives the own address away. Where all traffic has to take another way out, set it ' +
      'up for the machine.',
    input: z.object({
      enable: z.boolean(),
      proxy_url: z.string().max(2048).optional().describe('http, https or socks5'),
    }),
    output: z.looseObject({
      message: z.string(),
      enable: z.boolean(),
      proxy_url: z.string(),
    }),
    example: {
      input: { enable: false },
      output: { message: 'No proxy is used', enable: false, proxy_url: '' },
    },
    errors: ['NOT_SUPPORTED'],
    run: async (_session, input) => {
      refuseProxy(input.enable, 'enable')
      return { message: 'No proxy is used', enable: false, proxy_url: '' }
    },
  }),
}
