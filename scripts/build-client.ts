/** `npm run build:client`: the client as one ES module without dependencies, and its types. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import { run } from './run.ts'

const root = path.dirname(import.meta.dirname)
const outdir = path.join(root, 'dist/client')

rmSync(outdir, { recursive: true, force: true })
await build({
  entryPoints: [path.join(root, 'client/index.ts')],
  outfile: path.join(outdir, 'index.js'),
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
})
const { ok } = run('tsc', ['-p', 'client/tsconfig.json'], 120_000)
process.exit(ok ? 0 : 1)
