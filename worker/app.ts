import { type Context, Hono } from 'hono'
import { upgradeRequest } from '../connector/event-sockets.ts'
import { type ErrorCode, errors, GatewayError, toErrorData } from '../schema/errors.ts'
import {
  type MediaOperationName,
  type Operation,
  type OperationName,
  operations,
} from '../schema/operations/index.ts'
import type { Reply } from '../schema/session-port.ts'
import { AdminGate } from './admin-gate.ts'
import { TenantAccess } from './auth.ts'
import { documentServer, documents } from './documents.ts'
import { settle } from './effects.ts'
import { eventStream, withProtocolToken } from './event-stream.ts'
import type { Gateway } from './gateway.ts'
import { openHandlers, tenantHandlers } from './handlers.ts'
import { Degraded } from './health.ts'
import { inputReader } from './input.ts'
import { describeError } from './log.ts'
import { mediaHandlers } from './media/handlers.ts'
import { linkServer } from './media/link.ts'
import { pages, servePage } from './pages.ts'
import { type OpenFacts, Replayed } from './replayed.ts'
import { failure, type Notes, success, unhealthy, withRequestId } from './respond.ts'
import { unwrap } from './result.ts'
import { callSession, type SessionCall } from './session-call.ts'

interface Variables {
  requestId: string
  /** What the answer says beside its body; set before anything may fail. */
  notes: Notes
}
export type App = Hono<{ Variables: Variables }>
type Call = Context<{ Variables: Variables }>

/** Serves the requests of one row. What it throws becomes an error answer in one place. */
type Serve = (c: Call) => Promise<object | Degraded | Replayed | Response>

/**
 * The HTTP edge: one route per row of the operations table. Every request is checked in the same
 * order: who calls (401), what they ask for (400, 413), and then what the session says to it.
 */
export const createApp = (gateway: Gateway): App => {
  const app: App = new Hono()
  const serverOf = servers(gateway)

  for (const [name, row] of Object.entries(operations) as [OperationName, Operation][]) {
    const serve = serverOf(name, row)
    // One handler per route and no middleware: Hono then calls it directly.
    app.on(row.method, row.path, async (c) => {
      const data = await serve(c)
      const requestId = requestIdOf(c)
      if (data instanceof Response) return withRequestId(data, requestId)
      if (data instanceof Degraded) return unhealthy(requestId, data.facts)
      if (data instanceof Replayed)
        return success(requestId, data.answer, notesOf({ replayed: true }))
      return success(requestId, data, c.get('notes'))
    })
  }

  for (const [path, document] of Object.entries(documents)) {
    const serve = documentServer(document, gateway.settings.MAXAPI_VERSION)
    app.get(path, (c) => serve(c.req.raw))
  }

  for (const [path, file] of Object.entries(pages)) {
    app.get(path, (c) => servePage(gateway.assets, c.req.raw, file))
  }

  app.notFound((c) => {
    const allow = allowedMethods(app, c.req.path)
    if (allow !== '' && c.req.method === 'OPTIONS') {
      return new Response(null, { status: 204, headers: { allow } })
    }
    const code: ErrorCode = allow === '' ? 'NOT_FOUND' : 'METHOD_NOT_ALLOWED'
    const response = failure(c.req.raw, requestIdOf(c), toErrorData(new GatewayError(code)))
    if (allow !== '') response.headers.set('allow', allow)
    return response
  })

  app.onError((error, c) => {
    const requestId = requestIdOf(c)
    const data = toErrorData(error)
    // What the caller did wrong is the caller's business, not our log's.
    if (errors[data.code].status >= 500 && (data.code === 'INTERNAL_ERROR' || error.cause)) {
      const { method, path } = c.req
      gateway.log('error', 'request failed', { requestId, method, path, ...describeError(error) })
    }
    return failure(c.req.raw, requestId, data, c.get('notes'))
  })
  return app
}

/** Chooses how a row is served: in the session object, or at the edge with or without a tenant. */
const servers = (gateway: Gateway): ((name: OperationName, row: Operation) => Serve) => {
  const access = new TenantAccess(gateway)
  const admins = new AdminGate(gateway)

  const factsOf = (request: Request): SessionCall['facts'] => {
    const { headers } = request
    // `Authorization` is the tenant's own unless the tenant came with the `token` header.
    const admin = headers.get('token') ? admins.knows(request) : false
    return {
      ...(admin ? { admin } : {}),
      ...idempotencyKeyOf(headers),
      ...(wantsAsync(headers) ? { respondAsync: true } : {}),
    }
  }

  const inSession = (name: OperationName, row: Operation): Serve => {
    const readInput = inputReader(row)
    return async (c) => {
      const { headers } = c.req.raw
      const caller = await access.recent(headers)
      const input = await readInput(c.req.raw, c.req.param())
      const call = { name, method: row.method, input, facts: factsOf(c.req.raw) }
      const reply = await callSession(gateway, access, caller, call)
      c.set('notes', notesOf(reply))
      return settle(gateway, name, input, caller.tenant, fields(unwrap(reply)))
    }
  }

  const ofMedia = (name: OperationName, row: Operation): Serve => {
    const serve = mediaHandlers[name as MediaOperationName](row)
    return async (c) => {
      const { raw: request } = c.req
      const caller = await access.fresh(request.headers)
      const facts = factsOf(request)
      const { method } = row
      const answer = await serve({
        gateway,
        tenant: caller.tenant,
        request,
        path: c.req.param(),
        step: (step, input) =>
          callSession(gateway, access, caller, { name: step, method, input, facts }),
      })
      if (answer instanceof Response) return answer
      c.set('notes', notesOf(answer))
      return fields(unwrap(answer))
    }
  }

  const ofLink = (row: Operation): Serve => {
    const serve = linkServer(gateway, row)
    return (c) => serve(c.req.raw, c.req.param(), (headers) => c.set('notes', { headers }))
  }

  const ofStream = (row: Operation): Serve => {
    const serve = eventStream(row)
    return async (c) => {
      const { raw: request } = c.req
      const caller = await access.recent(withProtocolToken(request))
      return serve({
        request,
        step: (name, input) =>
          callSession(gateway, access, caller, { name, method: row.method, input, facts: {} }),
        upgrade: (place) => {
          const { id, generation } = caller.tenant
          return gateway.sessions.getByName(id).fetch(upgradeRequest({ ...place, generation }))
        },
      })
    }
  }

  const forTenant = (name: OperationName, row: Operation): Serve => {
    const readInput = inputReader(row)
    const handle = handlerOf(tenantHandlers, name)
    return async (c) => {
      const tenant = await access.current(c.req.raw.headers)
      return handle(gateway, await readInput(c.req.raw, c.req.param()), tenant)
    }
  }

  const open = (name: OperationName, row: Operation): Serve => {
    const readInput = inputReader(row)
    const handle = handlerOf<[OpenFacts]>(openHandlers, name)
    return async (c) => {
      if (row.scope === 'admin') admins.require(c.req.raw)
      const facts = row.creates ? idempotencyKeyOf(c.req.raw.headers) : {}
      return handle(gateway, await readInput(c.req.raw, c.req.param()), facts)
    }
  }

  return (name, row) => {
    if (row.media === 'link') return ofLink(row)
    if (row.media !== undefined) return ofMedia(name, row)
    if (row.stream !== undefined) return ofStream(row)
    if (row.run !== undefined) return inSession(name, row)
    return row.scope === 'tenant' ? forTenant(name, row) : open(name, row)
  }
}

/** The handlers' types prove that each fits its row; through a loop over names they are lost. */
const handlerOf = <Rest extends unknown[]>(
  handlers: Partial<
    Record<OperationName, (gateway: Gateway, input: never, ...rest: Rest) => unknown>
  >,
  name: OperationName,
) => {
  const handler = handlers[name]
  if (handler === undefined) throw new Error(`operation ${name} has no handler`)
  return handler as (
    gateway: Gateway,
    input: unknown,
    ...rest: Rest
  ) => Promise<object | Degraded | Replayed>
}

const idempotencyKeyOf = (headers: Headers): { idempotencyKey?: string } => {
  const idempotencyKey = headers.get('idempotency-key')
  if (idempotencyKey === null) return {}
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw new GatewayError('INVALID_INPUT', 'Idempotency-Key: expected 1 to 255 visible ASCII', {
      field: 'Idempotency-Key',
    })
  }
  return { idempotencyKey }
}

/** RFC 7240: a list of preferences, each perhaps with parameters. */
const wantsAsync = (headers: Headers): boolean =>
  /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i.test(headers.get('prefer') ?? '')

const notesOf = ({ replayed, accepted }: Pick<Reply, 'replayed' | 'accepted'>): Notes => ({
  ...(accepted === undefined ? {} : { status: 202 }),
  headers: {
    ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}),
    ...(accepted === undefined
      ? {}
      : { Location: `/messages/${accepted}`, 'Preference-Applied': 'respond-async' }),
  },
})

const fields = (data: unknown): object => (typeof data === 'object' && data !== null ? data : {})

const requestIdOf = (c: Call): string => {
  const known = c.get('requestId')
  if (known !== undefined) return known
  const fresh = crypto.randomUUID()
  c.set('requestId', fresh)
  return fresh
}

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const

/** The `Allow` value of a path; empty when no operation lives there. */
const allowedMethods = (app: App, path: string): string => {
  const found = methods.filter((method) => app.router.match(method, path)[0].length > 0)
  if (found.length === 0) return ''
  return [...(found.includes('GET') ? ['HEAD'] : []), ...found, 'OPTIONS'].join(', ')
}
