import { z } from 'zod'
import { eventListInput } from '../events.ts'
import { operation } from './define.ts'

/** How long `/session/connect` waits for the session to come online before it answers. */
const CONNECT_WAIT_MS = 10_000

export const sessionOperations = {
  connect: operation({
    method: 'POST',
    path: '/session/connect',
    scope: 'tenant',
    summary: 'Bring the session online; begins a QR login when there is no account yet',
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
    input: z.object({}),
    output: z.looseObject({
      connected: z.boolean(),
      authenticated: z.boolean(),
      loggedIn: z.boolean(),
      maxUserID: z.number(),
      state: z.string(),
    }),
    run: async (session) => session.status(),
  }),
}
