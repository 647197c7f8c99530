import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { describe, expect, it, onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { samples } from '../../sandbox/media/samples.ts'
import { startSandbox } from '../../sandbox/node/server.ts'
import { hashOf } from '../support/content.ts'
import { eventually } from '../support/eventually.ts'
import { type Gateway, maxEnv, startGateway } from '../support/gateway.ts'
import { adopt, createPerson, write } from '../support/people.ts'
import { startReceiver } from '../support/receiver.ts'
import { type Stage, useWorld } from '../support/world.ts'

/** Ids of a gateway's children whose command is like that. */
const childPids = ({ pid }: Gateway, command: RegExp): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, ...args]) => Number(parent) === pid && command.test(args.join(' ')))
    .map(([own]) => Number(own))
const sessionPids = (gateway: Gateway): number[] => childPids(gateway, /sessions-\d/)

/** What was delivered is in the log as it was delivered, and nothing else is. */
const expectLogged = async ({ tenant, receiver }: Pick<Stage, 'tenant' | 'receiver'>) => {
  const { events } = await tenant.get<{ events: { sequence: number }[] }>('/events?after=0')
  const delivered = new Map(receiver.received.map(({ body }) => [Number(body.sequence), body]))
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, n) => n + 1))
  expect(events).toEqual(events.map(({ sequence }) => delivered.get(sequence)))
}

describe('a gateway with session processes', () => {
  it('has bucket, queue, courier and sandboxes in the main one, for all of them', async () => {
    const [own, queued] = await Promise.all([startReceiver(), startReceiver()])
    onTestFinished(() => Promise.all([own.close(), queued.close()]).then(() => {}))
    const gateway = await startGateway({
      MAXAPI_PROCESSES: '2',
      MAXAPI_QUEUE_EVENTS: 'Message',
      MAXAPI_QUEUE_WEBHOOK: queued.url,
    })
    onTestFinished(() => gateway.remove())
    expect(sessionPids(gateway)).toHaveLength(2)
    const secretFile = gateway.dataFile('global-webhook-secret')
    queued.secret = (await readFile(secretFile, 'utf8')).trim()
    const tenant = await gateway.createTenant({ receiver: own, sandbox: true })
    const client = tenant.client()
    const { phone, code } = await client.getSandbox()
    await client.requestCode({ phone })
    await client.confirmCode({ code })

    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/events/stream?after=0`, [
      'maxapi.events',
      `maxapi.token.${Buffer.from(tenant.token).toString('base64url')}`,
    ])
    const streamed: string[] = []
    socket.on('message', (data) => streamed.push(String(JSON.parse(String(data)).type)))
    await client.sendSandboxIncoming({ text: 'Through all of it' })
    await own.event('Message')
    await queued.event('Message')
    await eventually(async () => expect(streamed).toContain('Message'))
    socket.close()
  })

  it('keeps sessions, and what they mean to do, when the number of processes changes', async () => {
    const sandbox = await startSandbox()
    onTestFinished(() => sandbox.close())
    const gateway = await startGateway(maxEnv(sandbox, 'binary'))
    onTestFinished(() => gateway.remove())
    const stages = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const receiver = await startReceiver()
        onTestFinished(() => receiver.close())
        const tenant = await gateway.createTenant({ receiver })
        const person = createPerson(sandbox)
        await adopt(sandbox, tenant, person)
        await receiver.event('Connected')
        return { receiver, tenant, person }
      }),
    )
    const sendAt = Date.now() + 15_000
    for (const { tenant, person } of stages) {
      const chatId = person.chatIds[0]
      await tenant.post('/chat/schedule', { chatId, text: 'scheduled', sendAt })
    }
    let count = 0
    const writeAll = async (text: string): Promise<void> => {
      count += 1
      for (const { person } of stages) write(sandbox, person, text)
      for (const { receiver } of stages) {
        await receiver.waitFor(text, ({ messages }) => messages.length >= count)
      }
    }
    // Not more often: logins in quick succession are put off.
    for (const processes of [3, 0]) {
      for (const { tenant } of stages) {
        await eventually(async () =>
          expect(await tenant.get('/session/status')).toMatchObject({ state: 'online' }),
        )
      }
      // It is in the journal of a process that there will not be.
      await writeAll(`before ${processes}`)
      await gateway.kill()
      await gateway.start({ MAXAPI_PROCESSES: String(processes) })
      expect(sessionPids(gateway)).toHaveLength(processes)
      await writeAll(`after ${processes}`)
    }
    for (const { receiver, person, tenant } of stages) {
      expect(receiver.messages.map(({ body }) => body.event?.message?.text)).toEqual([
        ...['before 3', 'after 3', 'before 0', 'after 0'],
      ])
      await eventually(async () =>
        expect(sandbox.control.messages(person.account.id).map(({ text }) => text)).toContain(
          'scheduled',
        ),
      )
      await eventually(() => expectLogged({ tenant, receiver }))
    }
  }, 120_000)
})

describe('the runtime of a gateway without session processes', () => {
  const { enterOnline } = useWorld('binary')

  it('that is killed comes back with its sessions, and nothing is lost', async () => {
    const stages = await Promise.all(Array.from({ length: 3 }, () => enterOnline()))
    const [{ gateway, sandbox }] = stages as [Stage, ...Stage[]]
    const writeAll = (text: string): void => {
      for (const { person } of stages) write(sandbox, person, text)
    }
    writeAll('before')
    for (const { receiver } of stages) await receiver.event('Message')
    for (const pid of childPids(gateway, /workerd/)) process.kill(pid, 'SIGKILL')
    writeAll('during')
    for (const { tenant } of stages) {
      await eventually(async () =>
        expect(await tenant.get('/session/status')).toMatchObject({ state: 'online' }),
      )
    }
    writeAll('after')
    for (const { receiver, tenant } of stages) {
      await receiver.waitFor('all', ({ messages }) => messages.length >= 3)
      expect(receiver.messages.map(({ body }) => body.event?.message?.text)).toEqual([
        ...['before', 'during', 'after'],
      ])
      await eventually(() => expectLogged({ tenant, receiver }))
    }
  })
})

describe('a session process', () => {
  const { enterOnline } = useWorld('binary', { processes: 2 })

  it('that is killed comes back with its sessions, and nothing is lost', async () => {
    const stages = await Promise.all(Array.from({ length: 6 }, () => enterOnline()))
    const [{ gateway, sandbox }] = stages as [(typeof stages)[0], ...typeof stages]
    const writeAll = (text: string): void => {
      for (const { person } of stages) write(sandbox, person, text)
    }
    for (const [n, pid] of sessionPids(gateway).entries()) {
      writeAll(`before ${n}`)
      const restarted = gateway.logged(({ message }) => /is started again/.test(message), 10_000)
      process.kill(pid, 'SIGKILL')
      writeAll(`during ${n}`)
      await restarted
      writeAll(`after ${n}`)
      for (const { receiver, tenant } of stages) {
        await receiver.waitFor('all', ({ messages }) => messages.length >= 3 * (n + 1))
        await eventually(async () =>
          expect(await tenant.get('/session/status')).toMatchObject({ state: 'online' }),
        )
      }
    }
    for (const { receiver } of stages) {
      expect(receiver.messages.map(({ body }) => body.event?.message?.text)).toEqual(
        [0, 1].flatMap((n) => [`before ${n}`, `during ${n}`, `after ${n}`]),
      )
    }
  })

  it('has received files fetched by the main process', async () => {
    const { sandbox, person, receiver, gateway } = await enterOnline()
    const from = person.friends[0]?.id ?? 0
    const { upload, name, facts, bytes } = samples.image
    const content = bytes()
    const file = { kind: upload, name, bytes: content, facts }
    const attach = await sandbox.core.media.place(from, file)
    sandbox.control.incoming({ to: person.account.id, from, text: '', attaches: [attach] })
    const { body } = await receiver.event('FileReady')
    const answer = await fetch(new URL(String(body.url), gateway.url))
    expect(await hashOf(answer.body ?? [])).toBe(await hashOf([content]))
  })

  it('shares with the main one a secret, without which that does nothing', async () => {
    const { gateway } = await enterOnline()
    const config = await readFile(gateway.dataFile('run/sessions-0.capnp'), 'utf8')
    const home = /127\.0\.0\.1:\d+/.exec(config)?.[0] ?? ''
    const stranger = new Miniflare(
      convertV4MiniflareOptions({
        cf: false,
        telemetry: { enabled: false },
        handleStructuredLogs: () => {},
        workers: [
          {
            name: 'stranger',
            compatibilityDate: '2026-10-20',
            modules: [
              {
                type: 'ESModule',
                path: 'stranger.js',
                contents: `export default {
                  async fetch(request, { HOME }) {
                    const list = await HOME.list('', 'users/').then(() => 'done', String)
                    return Response.json([list, (await HOME.fetch('http://home/')).status])
                  },
                }`,
              },
            ],
            serviceBindings: { HOME: { external: { address: home, http: {} } } },
          },
        ],
      }),
    )
    onTestFinished(() => stranger.dispose())
    const answer = await stranger.dispatchFetch('http://stranger/')
    expect(await answer.json()).toEqual([expect.stringContaining('not for you'), 403])
  })
})
