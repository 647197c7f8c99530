import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

const exec = promisify(execFile)
const root = path.dirname(path.dirname(import.meta.dirname))

const program = `import { createClient, MaxApiError, verifyWebhook } from 'maxapi/client'
const max = createClient({ url: 'http://127.0.0.1:1', token: 't', retries: 0 })
const input = { chatId: 1, text: 'x' }
export const id = async (): Promise<string> => (await max.sendText(input)).messageId
export const wrong = async () => {
  // @ts-expect-error a number is no text
  await max.sendText({ chatId: 1, text: 5 })
  // @ts-expect-error there is no such operation
  await max.noSuch(input)
}
const error: unknown = await max.sendText(input).catch((reason: unknown) => reason)
console.log(error instanceof MaxApiError && error.code, typeof verifyWebhook)
`
const compiler = { module: 'nodenext', target: 'es2022', strict: true, types: [] as string[] }
const tsconfig = { compilerOptions: { ...compiler, lib: ['es2022', 'dom'] }, files: ['main.ts'] }

it('the client is a package that a project elsewhere can compile against and run', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'maxapi-client-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const packages = path.join(folder, 'node_modules')
  const build = path.join(root, 'scripts/build-client.ts')
  const bin = path.join(root, 'node_modules/.bin')
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` }
  await exec(process.execPath, [build, path.join(packages, 'maxapi')], { cwd: root, env })
  // What npm would install with it.
  await symlink(path.join(root, 'node_modules/zod'), path.join(packages, 'zod'))
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  await writeFile(path.join(folder, 'main.ts'), program)
  const compiled = await exec(path.join(bin, 'tsc'), ['-p', folder]).catch(
    (error: { stdout: string }) => error,
  )
  expect(compiled.stdout).toBe('')
  const { stdout } = await exec(process.execPath, [path.join(folder, 'main.js')])
  expect(stdout.trim()).toBe('NETWORK function')
})
