import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCertificates } from '../../sandbox/node/certificate.ts'

const main = path.join(import.meta.dirname, '../../host/main.ts')

let folder: string
let started: ChildProcess[]

/** Runs the host with nothing of this process's settings. */
const spawnHost = (...flags: string[]) => {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [main, '--data', path.join(folder, 'data'), ...flags], {
    cwd: folder,
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  return child
}

/** Lets it run to its end. */
const runHost = async (...flags: string[]) => {
  const child = spawnHost(...flags)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

const startHost = async (...flags: string[]) => {
  const child = spawnHost('--port', '0', '--logtype', 'json', ...flags)
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line)
    if (entry.message === 'listening') {
      child.stdout.resume()
      return { child, url: entry.url as string, entry }
    }
  }
  throw new Error(`it ended before it listened: ${child.exitCode}`)
}

const stop = async (child: ChildProcess, signal: NodeJS.Signals) => {
  const ended = once(child, 'close')
  child.kill(signal)
  const [code] = await ended
  return code
}

const getHealth = async (url: string) => (await fetch(`${url}/health`)).json()
const answers = (url: string) => getHealth(url).then(Boolean, () => false)
const adminToken = () => readFileSync(path.join(folder, 'data/admin-token'), 'utf8').trim()
const listUsers = (url: string) =>
  fetch(`${url}/admin/users`, { headers: { authorization: adminToken() } })

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'maxapi-host-'))
  started = []
})
afterEach(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.signalCode === null) await stop(child, 'SIGKILL')
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

describe('npm start', () => {
  it('serves, keeps its secrets to itself, and ends cleanly on SIGTERM', async () => {
    const { child, url, entry } = await startHost()
    expect(await getHealth(url)).toMatchObject({ success: true, status: 'ok', dbOk: true })
    expect(entry.tenants).toBeGreaterThanOrEqual(0)
    for (const name of ['admin-token', 'master-key']) {
      expect(statSync(path.join(folder, 'data', name)).mode & 0o777).toBe(0o600)
    }
    expect(await stop(child, 'SIGTERM')).toBe(0)
    expect(await answers(url)).toBe(false)
  })

  it('keeps token and tenants over a restart', async () => {
    const first = await startHost()
    const token = adminToken()
    const headers = { authorization: token }
    const body = JSON.stringify({ name: 'kept', sandbox: true })
    await fetch(`${first.url}/admin/users`, { method: 'POST', headers, body })
    await stop(first.child, 'SIGINT')

    const second = await startHost()
    expect(adminToken()).toBe(token)
    expect(await (await listUsers(second.url)).json()).toMatchObject({ data: [{ name: 'kept' }] })
  })

  it('takes its runtime along when it is killed, and starts again on the same port', async () => {
    const first = await startHost()
    await stop(first.child, 'SIGKILL')
    const { port } = new URL(first.url)
    const second = await startHost('--port', port)
    expect(second.url).toBe(first.url)
    expect((await listUsers(second.url)).status).toBe(200)
  })

  it('prints a quick start for people', async () => {
    const child = spawnHost('--port', '0')
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line)
      if (line.includes('/sandbox/incoming')) break
    }
    const page = lines.join('\n')
    expect(page).toMatch(/^MaxAPI listens on http:\/\/127\.0\.0\.1:\d+$/m)
    expect(page).toContain(adminToken())
    expect(page).toContain('/session/auth/confirm')
  })

  it('serves https with a certificate', async () => {
    const { ca, certificate, key } = await createCertificates(Date.now())
    const write = (name: string, text: string) => {
      const file = path.join(folder, name)
      writeFileSync(file, text)
      return file
    }
    const { url } = await startHost(
      '--sslcertificate',
      write('cert.pem', certificate),
      '--sslprivatekey',
      write('key.pem', key),
    )
    expect(url).toMatch(/^https:/)
    const call = request(`${url}/health`, { ca, agent: false }).end()
    const [response] = await once(call, 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
  })
})

describe('what an operator does wrong', () => {
  it('names a wrong flag in one line and exits with 2', async () => {
    expect(await runHost('--port', 'abc')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'maxapi: --port must be 0 to 65535, got "abc"\n',
    })
  })

  it('says in one line that the port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const { code, stderr } = await runHost('--port', String(port))
    taken.close()
    expect(code).toBe(1)
    expect(stderr).toMatch(/^maxapi: 127\.0\.0\.1:\d+ is in use; [^\n]*\n$/)
  })

  it('says in one line that the data folder is in use', async () => {
    await startHost()
    const { code, stderr } = await runHost('--port', '0')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^maxapi: the data folder [^\n]* is in use by another maxapi\n$/)
  })

  it('says in one line that a certificate is none', async () => {
    const { code, stderr } = await runHost('--sslcertificate', main, '--sslprivatekey', main)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^maxapi: [^\n]* must be PEM files\n$/)
  })
})
