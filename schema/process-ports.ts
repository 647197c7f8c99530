import type { CourierRpc } from './received-file.ts'
import type { SessionRpc } from './session-port.ts'

/**
 * How the processes of a self-hosted gateway talk: the main one takes the requests and has the database,
 * the bucket, the queue and the sandboxes; the session processes have the sessions.
 */

/** RPC methods of a session object that the main process calls. */
export const sessionMethods = [
  'configure',
  'invoke',
  'readEvent',
  'peek',
  'storage',
  'setStorage',
  'ensure',
  'destroy',
] as const satisfies readonly Exclude<keyof SessionRpc, 'fetch'>[]
export type SessionMethod = (typeof sessionMethods)[number]

/** The door of a session process. Its socket is a file that only the gateway's own user can open. */
export interface DoorRpc {
  /** Calls a method of a tenant's session. */
  call(tenantId: string, method: SessionMethod, args: unknown[]): Promise<unknown>
  /** A web socket to the session that {@link TENANT_HEADER} names. */
  fetch(request: Request): Promise<Response>
}

export const TENANT_HEADER = 'maxapi-tenant'
export const SECRET_HEADER = 'maxapi-process-secret'

/** What the host asks of the main process's Worker, as POST with {@link SECRET_HEADER}. */
export const CONTROL_PATHS = {
  /** Body: the name of a cron. */
  cron: '/cron',
  /** Body: all migrations of the tenants' database, as JSON; answers the names of those it applied. */
  migrate: '/migrate',
}

type CarryArguments = Parameters<CourierRpc['carry']>

/** What a stored object is, without its content. */
interface ObjectFacts {
  size: number
  contentType: string
  fileName?: string
  modifiedAt: number
}

/**
 * What the main process does for the session processes. It listens on a port of this machine, so every
 * call begins with the secret that the processes of one run share.
 */
export interface HomeRpc {
  put(
    secret: string,
    key: string,
    body: ReadableStream<Uint8Array> | Uint8Array,
    facts: { contentType: string; size?: number; fileName?: string },
  ): Promise<void>
  get(
    secret: string,
    key: string,
    range?: { first: number; last?: number },
  ): Promise<(ObjectFacts & { body: ReadableStream<Uint8Array> }) | undefined>
  head(secret: string, key: string): Promise<ObjectFacts | undefined>
  delete(secret: string, keys: readonly string[]): Promise<void>
  list(
    secret: string,
    prefix: string,
    cursor?: string,
  ): Promise<{ objects: { key: string; size: number }[]; cursor?: string }>
  carry(secret: string, ...errand: CarryArguments): ReturnType<CourierRpc['carry']>
  enqueue(secret: string, text: string): Promise<void>
  /** Dials the sandbox that {@link TENANT_HEADER} names; {@link SECRET_HEADER} is checked. */
  fetch(url: string, init: RequestInit): Promise<Response>
}
