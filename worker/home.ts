import { WorkerEntrypoint } from 'cloudflare:workers'
import { type HomeBindings, homeOf, type Home as OwnHome } from '../connector/home.ts'
import { type HomeRpc, SECRET_HEADER, TENANT_HEADER } from '../schema/process-ports.ts'
import type { CourierRpc } from '../schema/received-file.ts'
import { isProcessSecret } from './process-secret.ts'

type Rest<Method extends (...args: never[]) => unknown> =
  Parameters<Method> extends [string, ...infer Others] ? Others : never

/** The main process, as the session processes of a self-hosted gateway reach it. */
export class Home extends WorkerEntrypoint<HomeBindings> {
  put(secret: string, ...args: Rest<HomeRpc['put']>): ReturnType<HomeRpc['put']> {
    return this.#open(secret).bucket.put(...args)
  }

  get(secret: string, ...args: Rest<HomeRpc['get']>): ReturnType<HomeRpc['get']> {
    return this.#open(secret).bucket.get(...args)
  }

  head(secret: string, ...args: Rest<HomeRpc['head']>): ReturnType<HomeRpc['head']> {
    return this.#open(secret).bucket.head(...args)
  }

  delete(secret: string, ...args: Rest<HomeRpc['delete']>): ReturnType<HomeRpc['delete']> {
    return this.#open(secret).bucket.delete(...args)
  }

  list(secret: string, ...args: Rest<HomeRpc['list']>): ReturnType<HomeRpc['list']> {
    return this.#open(secret).bucket.list(...args)
  }

  carry(secret: string, ...args: Rest<HomeRpc['carry']>): ReturnType<HomeRpc['carry']> {
    return this.#open(secret).courier.carry(...args)
  }

  async enqueue(secret: string, text: string): Promise<void> {
    await this.#open(secret).enqueue(text)
  }

  override async fetch(request: Request): Promise<Response> {
    const { headers } = request
    if (!isProcessSecret(headers.get(SECRET_HEADER), this.env))
      return new Response(null, { status: 403 })
    const home = this.#home()
    const tenantId = headers.get(TENANT_HEADER) ?? ''
    const passed = new Headers(headers)
    for (const name of [SECRET_HEADER, TENANT_HEADER]) passed.delete(name)
    return home.sandbox(tenantId)(request.url, { headers: passed })
  }

  /** @throws for whoever is no process of this gateway */
  #open(secret: string): OwnHome {
    if (!isProcessSecret(secret, this.env)) throw new Error('not for you')
    return this.#home()
  }

  #home(): OwnHome {
    return homeOf(this.env, () => (this.ctx.exports as unknown as { Courier: CourierRpc }).Courier)
  }
}
