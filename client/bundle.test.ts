import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it, onTestFinished } from 'vitest'

it('the client is one small module without dependencies, and loads by itself', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'maxapi-client-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const outfile = path.join(folder, 'client.mjs')
  const { metafile } = await build({
    entryPoints: [path.join(import.meta.dirname, 'index.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    metafile: true,
  })
  const inputs = Object.keys(metafile.inputs).map((file) => path.basename(file))
  expect(inputs.sort()).toEqual(['error.ts', 'index.ts', 'routes.ts', 'webhook.ts'])
  const script = `import { createClient } from '${outfile}'
    const client = createClient({ url: 'http://127.0.0.1:1', retries: 0 })
    client.getStatus().catch(({ name, code }) => console.log(name, code))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    script,
  ])
  expect(stdout.trim()).toBe('MaxApiError NETWORK')
})
