import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { parseJson, stringifyJson } from '../../schema/json.ts'
import { faultInput } from '../../schema/operations/sandbox.ts'
import { DirectorError } from '../director.ts'
import type { Simulator } from '../simulator.ts'

/** HTTP control of a running sandbox: a director for tests in another process. Local use only. */

const id = z.number().int()
const incoming = z.object({
  to: id,
  from: id,
  text: z.string(),
  chatId: id.optional(),
})
const account = z.object({
  phone: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  password: z.string().optional(),
  /** Issue a token as well. */
  token: z.boolean().optional(),
})
const group = z.object({
  type: z.enum(['CHAT', 'CHANNEL']).default('CHAT'),
  ownerId: id,
  title: z.string().default('Group'),
  userIds: z.array(id).default([]),
})
const bulk = z.union([
  z.object({ messages: z.array(incoming) }),
  z.object({
    to: z.union([id, z.array(id)]),
    from: id,
    count: z.number().int().min(1).max(100_000).default(1),
    text: z.string().default('Message'),
  }),
])
const optionalNumber = z.coerce.number().int().optional()

interface Route {
  input: z.ZodType
  run(sim: Simulator, input: never): unknown
}
const route = <T extends z.ZodType>(
  input: T,
  run: (sim: Simulator, input: z.output<T>) => unknown,
): Route => ({ input, run })

const routes: Record<string, Route> = {
  'POST /control/accounts': route(account, ({ direct }, { token, ...input }) => {
    const { id: userId, phone } = direct.createAccount(defined(input))
    return { userId, phone, ...(token && direct.issueToken(userId)) }
  }),
  'POST /control/tokens': route(z.object({ userId: id }), ({ direct }, { userId }) =>
    direct.issueToken(userId),
  ),
  'POST /control/contacts': route(z.object({ userId: id, contactId: id }), ({ direct }, input) => ({
    chatId: direct.befriend(input.userId, input.contactId).chat.id,
  })),
  'POST /control/qr/approve': route(
    z.object({ userId: id, qrLink: z.string().optional() }),
    ({ direct }, { userId, qrLink }) => ({ approved: direct.approveQr(userId, qrLink) }),
  ),
  'POST /control/incoming': route(incoming, ({ direct }, input) => direct.incoming(input)),
  'POST /control/incoming/bulk': route(bulk, ({ direct }, input) => {
    if ('messages' in input) return { messages: direct.incomingBulk(input.messages) }
    const { to, from, count, text } = input
    const receivers = typeof to === 'number' ? [to] : to
    const inputs = receivers.flatMap((receiver) =>
      Array.from({ length: count }, (_, n) => ({ to: receiver, from, text: `${text} ${n + 1}` })),
    )
    return { messages: direct.incomingBulk(inputs) }
  }),
  'POST /control/groups': route(group, ({ direct }, input) => ({
    chatId: direct.createGroup(input).chat.id,
  })),
  'GET /control/messages': route(
    z.object({ userId: z.coerce.number().int(), chatId: optionalNumber }),
    ({ direct }, { userId, chatId }) => ({ messages: direct.messages(userId, chatId) }),
  ),
  'POST /control/fault': route(
    faultInput.extend({ userId: id.optional() }),
    ({ direct }, input) => {
      const { userId, ...fault } = input
      direct.fault(userId === undefined ? fault : { ...fault, userId })
      return {}
    },
  ),
  'POST /control/faults/clear': route(z.object({}), ({ direct }) => {
    direct.clearFaults()
    return {}
  }),
  'POST /control/push': route(
    z.object({ userId: id, opcode: z.number().int(), payload: z.record(z.string(), z.json()) }),
    ({ direct }, { userId, opcode, payload }) => {
      direct.push(userId, opcode, payload)
      return {}
    },
  ),
  'POST /control/settings': route(z.record(z.string(), z.json()), (sim, changes) => {
    for (const key of Object.keys(changes)) {
      if (!(key in sim.settings)) throw new DirectorError(`there is no setting ${key}`)
    }
    return Object.assign(sim.settings, changes)
  }),
  'POST /control/close': route(
    z.object({ userId: id.optional(), code: z.number().int().optional() }),
    ({ direct }, { userId, code }) => ({ closed: direct.close(userId, code) }),
  ),
  'GET /control/state': route(z.object({}), ({ direct }) => direct.state),
}

/** Answers a request under `/control/`; the status tells a bad input from a wrong path. */
export const control = async (
  sim: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const found = routes[`${request.method} ${url.pathname}`]
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(stringifyJson(body))
  }
  if (!found) return answer(404, { error: 'no such path' })
  try {
    const text = request.method === 'GET' ? '' : await readBody(request)
    const input = found.input.parse(text ? parseJson(text) : Object.fromEntries(url.searchParams))
    answer(200, found.run(sim, input as never))
  } catch (error) {
    const isInput = error instanceof z.ZodError || error instanceof SyntaxError
    if (!isInput && !(error instanceof DirectorError)) throw error
    answer(400, { error: error.message })
  }
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Zod says `undefined` for what is missing; the core wants it left out. */
const defined = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
