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
  user: 'People, by id or phone number.',
  contact: 'The contact list: adding, renaming, blocking, importing.',
  presence: 'Who is online, and who was when.',
  account: 'The own account: profile, privacy, devices, cloud password.',
  [EVENTS_TAG]: 'What the gateway sends to your webhooks, and ways to read the same without one.',
  sandbox: 'The built-in MAX simulator, for tenants made with `"sandbox": true`.',
}

export const describeTag = (name: string): string => tags[name] ?? `Operations under \`/${name}\`.`
