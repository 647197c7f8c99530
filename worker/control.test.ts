import { describe, expect, it } from 'vitest'
import { CONTROL_PATHS, SECRET_HEADER } from '../schema/process-ports.ts'
import { control } from './control.ts'

const SECRET = 'secret of the run'

const ask = (path: string, { secret = SECRET, own = SECRET, body = '' } = {}) => {
  const crons: string[] = []
  const request = new Request(`http://127.0.0.1${path}`, {
    method: 'POST',
    headers: { [SECRET_HEADER]: secret },
    body,
  })
  const onCron = async (name: string): Promise<void> => {
    if (name === 'broken') throw new Error('no')
    crons.push(name)
  }
  const env = { DB: {} as D1Database, MAXAPI_PROCESS_SECRET: own }
  return control(request, { env, onCron }).then(({ status }) => ({ status, crons }))
}

describe('what the host has the Worker do', () => {
  it('is done for whoever has the secret of the run', async () => {
    const asked = await ask(CONTROL_PATHS.cron, { body: '*/5 * * * *' })
    expect(asked).toEqual({ status: 200, crons: ['*/5 * * * *'] })
  })

  it.each([
    { secret: 'another' },
    { secret: '' },
    // On Cloudflare there is none.
    { secret: '', own: '' },
  ])('is refused with %j', async (secrets) => {
    const asked = await ask(CONTROL_PATHS.cron, { ...secrets, body: 'stopping' })
    expect(asked).toEqual({ status: 403, crons: [] })
  })

  it('fails when it fails, and is nothing else', async () => {
    expect(await ask(CONTROL_PATHS.cron, { body: 'broken' })).toMatchObject({ status: 500 })
    expect(await ask('/admin/users')).toMatchObject({ status: 404 })
  })
})
