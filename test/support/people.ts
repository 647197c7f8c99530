import type { StoredMessage } from '../../sandbox/director.ts'
import type { RunningSandbox } from '../../sandbox/node/server.ts'
import type { Account } from '../../sandbox/records.ts'
import type { Tenant } from './gateway.ts'

export const PASSWORD = 'correct horse battery'

/** An account of the sandbox with friends who write to it. */
export interface Person {
  account: Account
  friends: Account[]
  /** Chat with each friend. */
  chatIds: number[]
}

export interface NewPerson {
  /** How many friends; 1 if not given. */
  friends?: number
  password?: string
}

export const createPerson = (
  { control }: RunningSandbox,
  { friends: count = 1, password }: NewPerson = {},
): Person => {
  const account = control.createAccount(password === undefined ? {} : { password })
  const friends = Array.from({ length: count }, (_, n) =>
    control.createAccount({ firstName: `Friend ${n + 1}` }),
  )
  const chatIds = friends.map((friend) => control.befriend(account.id, friend.id).chat.id)
  return { account, friends, chatIds }
}

/** Lets a friend write. */
export const write = (
  { control }: RunningSandbox,
  { account, friends }: Person,
  text: string,
  friend = 0,
): { chatId: number; messageId: string } =>
  control.incoming({ to: account.id, from: friends[friend]?.id ?? 0, text })

/** What the account itself has sent, oldest first. */
export const sentBy = ({ control }: RunningSandbox, { account }: Person): StoredMessage[] =>
  control.messages(account.id).filter(({ sender }) => sender === account.id)

/** Logs the tenant in with a token, the shortest way. */
export const adopt = async (
  { control }: RunningSandbox,
  tenant: Tenant,
  { account }: Person,
): Promise<string> => {
  const { token, deviceId } = control.issueToken(account.id)
  await tenant.post('/session/auth/token', { authToken: token, deviceId })
  return token
}
