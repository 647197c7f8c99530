/** Under which the requests to webhooks are listed. */
export const EVENTS_TAG = 'events'

/** What the operations under one first path segment are about. */
export const tags: Record<string, string> = {
  admin: 'Tenants: one tenant is one MAX account behind the gateway. Needs the admin token.',
  health: 'Whether the gateway works. Needs no token.',
  session: 'Logging in to MAX, and the state of the connection.',
  webhook: 'Where events are delivered, and the secret that signs them.',
  chat: 'Messages and chats.',
  messages: 'The fate of what was sent.',
  group: 'Groups and channels: members, rights, settings, invitations.',
  user: 'People and contacts.',
  [EVENTS_TAG]: 'What the gateway sends to your webhook.',
  sandbox: 'The built-in MAX simulator, for tenants made with `"sandbox": true`.',
}

export const describeTag = (name: string): string => tags[name] ?? `Operations under \`/${name}\`.`
