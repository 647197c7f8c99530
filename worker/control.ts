import { CONTROL_PATHS, SECRET_HEADER } from '../schema/process-ports.ts'
import { d1Target, type Migration, migrate } from './migrate.ts'
import { isProcessSecret } from './process-secret.ts'

export interface ControlDeps {
  env: { DB: D1Database; MAXAPI_PROCESS_SECRET?: string }
  /** What a cron does. */
  onCron(name: string): Promise<void>
}

/**
 * What the host of a self-hosted gateway has the Worker do, by plain HTTP on a socket of this machine.
 * Miniflare's own way stops the host's one thread until the runtime answers; the runtime, whose log nobody
 * reads meanwhile, then stops as well, and for good.
 */
export const control = async (
  request: Request,
  { env, onCron }: ControlDeps,
): Promise<Response> => {
  if (!isProcessSecret(request.headers.get(SECRET_HEADER), env)) {
    return new Response(null, { status: 403 })
  }
  const { pathname } = new URL(request.url)
  try {
    if (pathname === CONTROL_PATHS.cron) {
      await onCron(await request.text())
      return Response.json({})
    }
    if (pathname === CONTROL_PATHS.migrate) {
      return Response.json(await migrate(await request.json<Migration[]>(), d1Target(env.DB)))
    }
    return new Response(null, { status: 404 })
  } catch (error) {
    return new Response(String(error), { status: 500 })
  }
}
