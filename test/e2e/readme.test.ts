import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { quickStart } from '../../host/quick-start.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'

/** A command of a document and the answer that is shown below it. */
interface Step {
  command: string
  answer: unknown
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

/** Names and types of an answer, whatever its values; a list is described by its first entry. */
const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shape(item)]))
}

/** Commands and answers of the quick start, and the event that is shown at its end. */
const readQuickStart = (file: string, from: string, to: string) => {
  const text = readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8')
  const section = text.slice(text.indexOf(from), text.indexOf(to))
  const steps: Step[] = []
  let event: unknown
  for (const [, language, body] of section.matchAll(/```(bash|json)\n([\s\S]*?)```/g)) {
    if (language === 'bash') steps.push({ command: String(body), answer: undefined })
    else if (steps.at(-1)?.answer === undefined) steps.at(-1)!.answer = JSON.parse(String(body))
    else event = JSON.parse(String(body))
  }
  return { steps, event }
}

/** Runs commands in one shell and sorts what they print into answers and delivered events. */
const runInShell = async (commands: string[], expected: number) => {
  const answers: unknown[] = []
  const events: { type: string }[] = []
  const shell = spawn('bash', ['-e'], { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  // The receiver runs behind the shell; the whole group ends with the test, however that ends.
  onTestFinished(() => void process.kill(-shell.pid!, 'SIGKILL'))
  const lines = createInterface({ input: shell.stdout })
  const arrived = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      // An answer of curl ends without a newline, so an event may follow on its line.
      for (const part of line.split(/(?<=\})(?=\{")/).filter(Boolean)) {
        const value = JSON.parse(part)
        if ('sequence' in value) events.push(value)
        else answers.push(value)
        // The answer to the last command and the event it leads to may come in either order.
        const hasMessage = events.some(({ type }) => type === 'Message')
        if (hasMessage && answers.length >= expected) resolve()
      }
    })
  })
  shell.stdin.end(`${commands.join('\necho\n')}\necho\nwait\n`)
  await arrived
  return { answers, events }
}

/** The receiver's port, not the digits of a phone number. */
const receiverPort = /(?<=[(:])9000\b/g

let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway({ MAXAPI_ALLOW_PRIVATE_NETWORK: 'false' })
})
afterAll(() => gateway.remove())

describe.each([
  ['README.md', '## Quick start', '## The API'],
  ['README.ru.md', '## Быстрый старт', '## API'],
])('the quick start of %s', (file, from, to) => {
  it('works as it is printed, and answers what it says', async () => {
    const { steps, event } = readQuickStart(file, from, to)
    const port = await freePort()
    const here = (command: string) =>
      command
        .replaceAll('http://127.0.0.1:5555', gateway.url)
        .replaceAll('$(cat .data/admin-token)', gateway.adminHeaders.authorization.slice(7))
        .replaceAll(receiverPort, String(port))
    const shown = steps.map(({ answer }) => answer).filter((answer) => answer !== undefined)
    const commands = steps.map(({ command }) => here(command))
    const { answers, events } = await runInShell(commands, shown.length)
    expect(shown.length).toBeGreaterThan(5)
    expect(answers.map(shape)).toEqual(shown.map(shape))
    const message = events.find(({ type }) => type === 'Message')
    expect(shape(message)).toEqual(shape(event))
  })
})

it('the quick start that npm start prints works as it is', async () => {
  const port = await freePort()
  const adminToken = gateway.adminHeaders.authorization.slice(7)
  const tenantToken = 'token-of-the-printed-quick-start'
  const lines = quickStart({ url: gateway.url, adminToken, tenantToken })
  const text = lines.join('\n').replaceAll(receiverPort, String(port))
  const { answers, events } = await runInShell([text.replaceAll('\ncurl', '\necho\ncurl')], 5)
  expect(answers).toHaveLength(5)
  expect(answers.every((answer) => (answer as { success: boolean }).success)).toBe(true)
  expect(events.map(({ type }) => type)).toContain('Message')
})
