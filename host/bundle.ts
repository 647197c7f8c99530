import path from 'node:path'
import { type BuildFailure, build, type Plugin, stop } from 'esbuild'
import { HostError } from './host-error.ts'

const firstFault = (failure: BuildFailure): string => {
  const [fault] = failure.errors ?? []
  if (fault === undefined) return failure.message
  const { file, line } = fault.location ?? {}
  return file === undefined ? fault.text : `${file}:${line}: ${fault.text}`
}

/** CommonJS packages `require` Node's modules, which an ES module can only import. */
const nodeRequires: Plugin = {
  name: 'node-requires',
  setup: ({ onResolve, onLoad }) => {
    const namespace = 'node-require'
    onResolve({ filter: /^node:/ }, ({ kind, path: name }) =>
      kind === 'require-call' ? { path: name, namespace } : undefined,
    )
    onLoad({ filter: /.*/, namespace }, ({ path: name }) => ({
      contents: `import all from '${name}'; module.exports = all`,
    }))
  },
}

/**
 * Bundles the Worker as wrangler does, into one ES module. Not wrangler's Node polyfills: the
 * runtime has every `node:` module that the Worker needs.
 */
export const bundleWorker = async (entry: string): Promise<string> => {
  try {
    const { outputFiles } = await build({
      entryPoints: [entry],
      absWorkingDir: path.dirname(path.dirname(entry)),
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2024',
      platform: 'browser',
      conditions: ['workerd', 'worker', 'browser'],
      external: ['cloudflare:*', 'node:*'],
      plugins: [nodeRequires],
      loader: { '.sql': 'text', '.txt': 'text', '.html': 'text' },
      define: { 'process.env.NODE_ENV': '"production"' },
      // Kept names cost a call for each inner function that is made; stacks are readable without.
      keepNames: false,
      sourcemap: false,
      logLevel: 'silent',
    })
    return outputFiles[0]?.text ?? ''
  } catch (error) {
    throw new HostError(`cannot build the Worker: ${firstFault(error as BuildFailure)}`)
  } finally {
    // esbuild runs as a process of its own, which is of no use after this.
    await stop()
  }
}
