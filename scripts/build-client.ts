/**
 * `npm run build:client -- [folder]`: the client as a package of its own, by default in `dist/client`. One
 * ES module without dependencies; its types are those of the tables, which speak zod.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import { run } from './run.ts'

const root = path.dirname(import.meta.dirname)
const outdir = path.resolve(process.argv[2] ?? path.join(root, 'dist/client'))

rmSync(outdir, { recursive: true, force: true })
await build({
  entryPoints: [path.join(root, 'client/index.ts')],
  outfile: path.join(outdir, 'index.js'),
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
})
const { name, version, license, engines, dependencies } = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
)
const description = {
  ...{ name, version, license, engines, type: 'module' },
  description: 'Typed client of the MaxAPI gateway',
  exports: {
    './client': { types: './types/client/index.d.ts', default: './index.js' },
  },
  // For its types only.
  dependencies: { zod: dependencies.zod },
}
writeFileSync(path.join(outdir, 'package.json'), `${JSON.stringify(description, null, 2)}\n`)
const types = path.join(outdir, 'types')
const { ok } = run(
  'tsc',
  ['-p', path.join(root, 'client/tsconfig.json'), '--outDir', types],
  120_000,
)
process.exit(ok ? 0 : 1)
