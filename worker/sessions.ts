import { placeOf } from '../schema/place.ts'
import {
  type DoorRpc,
  type SessionMethod,
  sessionMethods,
  TENANT_HEADER,
} from '../schema/process-ports.ts'
import type { SessionRpc } from '../schema/session-port.ts'
import type { ObjectsOf } from './env.ts'

/** Doors of the session processes: `SESSIONS_0` and so on, as many as `MAXAPI_PROCESSES` says. */
export interface SessionBindings {
  /** On Cloudflare the sessions themselves; with session processes it only tells their ids. */
  SESSION: ObjectsOf<SessionRpc> & { idFromName?(name: string): { toString(): string } }
  MAXAPI_PROCESSES?: string
  [door: `SESSIONS_${number}`]: DoorRpc | undefined
}

/** The sessions, wherever they run. */
export const openSessions = (env: SessionBindings): ObjectsOf<SessionRpc> => {
  const count = Number(env.MAXAPI_PROCESSES ?? 0)
  if (count === 0) return env.SESSION
  return {
    getByName: (name) => {
      const id = env.SESSION.idFromName?.(name).toString() ?? ''
      const door = env[`SESSIONS_${placeOf(id, count)}`]
      if (door === undefined) throw new Error('a session process is missing')
      return throughDoor(door, name)
    },
  }
}

const throughDoor = (door: DoorRpc, tenantId: string): SessionRpc => {
  const call =
    (method: SessionMethod) =>
    (...args: unknown[]) =>
      door.call(tenantId, method, args)
  const methods = Object.fromEntries(sessionMethods.map((method) => [method, call(method)]))
  return {
    ...(methods as unknown as Omit<SessionRpc, 'fetch'>),
    fetch: (request) => {
      const marked = new Request(request)
      marked.headers.set(TENANT_HEADER, tenantId)
      return door.fetch(marked)
    },
  }
}
