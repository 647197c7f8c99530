import { WorkerEntrypoint } from 'cloudflare:workers'
import {
  type DoorRpc,
  type SessionMethod,
  sessionMethods,
  TENANT_HEADER,
} from '../schema/process-ports.ts'
import type { SessionRpc } from '../schema/session-port.ts'
import type { ObjectsOf } from './env.ts'

/** A session process of a self-hosted gateway, as the main process reaches it. */
export class Door
  extends WorkerEntrypoint<{ SESSION: ObjectsOf<SessionRpc> }>
  implements Pick<DoorRpc, 'call'>
{
  async call(tenantId: string, method: SessionMethod, args: unknown[]): Promise<unknown> {
    if (!sessionMethods.includes(method)) throw new TypeError('no method of a session')
    const session = this.env.SESSION.getByName(tenantId)
    return (session[method] as (...given: unknown[]) => Promise<unknown>)(...args)
  }

  override fetch(request: Request): Promise<Response> {
    return this.env.SESSION.getByName(request.headers.get(TENANT_HEADER) ?? '').fetch(request)
  }
}
