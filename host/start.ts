import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { assetsFolder, copyAssets } from './assets.ts'
import { bundleWorker } from './bundle.ts'
import { openDataFolder } from './data-folder.ts'
import { defaultSettings, type Settings } from './flags.ts'
import { checkListen, resolveAddress } from './listen.ts'
import type { Log } from './log.ts'
import { migrateLibsql, readMigrations } from './migrate.ts'
import {
  cronMinutes,
  journalBinding,
  networkBindings,
  parseWranglerConfig,
  workerBindings,
} from './miniflare-options.ts'
import { openFilesLimit, tenantsThatFit } from './open-files.ts'
import { placeSessions } from './place-sessions.ts'
import { replayJournals } from './replay-journals.ts'
import { startRuntime } from './runtime.ts'
import { storageKey } from './session-config.ts'
import { SessionProcesses } from './session-processes.ts'
import { readCertificate, startTlsFront } from './tls-front.ts'
import { urlOf, workerVariables } from './worker-variables.ts'

const root = path.dirname(import.meta.dirname)
const readText = (name: string): string => readFileSync(path.join(root, name), 'utf8')

/** The first look after the sessions, so that a lost alarm does not wait for cron. */
const FIRST_TICK_MS = 2_000

export const version: string = JSON.parse(readText('package.json')).version

export type HostOptions = Partial<Settings> & { log?: Log }

export interface Host {
  /** Where it listens, without a slash at the end. */
  url: string
  dataFolder: string
  adminToken: string
  /** File that keeps the admin token; absent when the operator chose one. */
  adminTokenFile?: string
  /** File that keeps the secret that signs the global webhook; absent when there is none to make. */
  globalWebhookSecretFile?: string
  /** Whether this start made the admin token. */
  adminTokenCreated: boolean
  /** Online tenants that the limit of open files allows; absent where there is no limit. */
  tenants?: number
  /** Process id of the runtime that takes the requests. */
  pid(): number | undefined
  stop(): Promise<void>
}

/** Ticks the crons of wrangler.toml, which the local runtime does not do by itself. */
const startTicking = (crons: string[], tick: (cron: string) => void): (() => void) => {
  const timers = crons.map((cron) => setInterval(tick, cronMinutes(cron) * 60_000, cron))
  const [first] = crons
  const soon = first === undefined ? undefined : setTimeout(tick, FIRST_TICK_MS, first)
  return () => {
    for (const timer of timers) clearInterval(timer)
    clearTimeout(soon)
  }
}

/**
 * Runs the gateway: this process with the runtime as its child.
 * @throws {HostError} when it cannot run here and the operator can change that.
 */
export const startHost = async ({ log = () => {}, ...given }: HostOptions = {}): Promise<Host> => {
  const settings: Settings = { ...defaultSettings(), ...given }
  const wrangler = parseWranglerConfig(readText('wrangler.toml'))
  const address = await resolveAddress(settings.address)
  const tls = readCertificate(settings.sslcertificate, settings.sslprivatekey)
  const libsql = { url: settings.libsqlUrl, authToken: settings.libsqlAuthToken }
  const folder = openDataFolder(settings.data)
  const undo: (() => unknown)[] = [() => folder.release()]
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step()
  }
  try {
    await checkListen(address, settings.port)
    const made = settings.admintoken === '' ? folder.secret('admin-token', 24) : undefined
    const adminToken = made?.value ?? settings.admintoken
    const masterKey = settings.masterKey || folder.secret('master-key', 32).value

    copyAssets()
    const bindings = workerBindings(wrangler)
    const signing =
      (settings.globalwebhook === '' && settings.queueWebhook === '') ||
      settings.globalWebhookSecret !== ''
        ? undefined
        : folder.secret('global-webhook-secret', 32, (raw) => `whsec_${raw.toString('base64')}`)
    const globalWebhookSecret = signing?.value ?? settings.globalWebhookSecret
    const secrets = { adminToken, masterKey, globalWebhookSecret, version }
    const count = settings.processes
    const secret = randomBytes(32).toString('hex')
    const variables = {
      ...workerVariables(settings, secrets),
      MAXAPI_PROCESS_SECRET: secret,
      ...(count > 0 && { MAXAPI_PROCESSES: String(count) }),
    }
    const tick = (cron: string) => {
      runtime.tick(cron).catch((error) => log('warn', 'cron failed', { error: String(error) }))
    }
    const keys = {
      session: storageKey(wrangler, 'Session'),
      journal: storageKey(wrangler, journalBinding.class_name),
    }
    replayJournals(folder.path, keys)
    const moved = placeSessions(folder.path, keys.session, count)
    if (moved > 0) log('info', 'sessions go to other processes', { files: moved, processes: count })
    const processes = new SessionProcesses({
      count,
      dataFolder: folder.path,
      log,
      onRestart: () => wrangler.triggers.crons.slice(0, 1).forEach(tick),
    })
    undo.push(() => processes.stop())
    const code = await bundleWorker(path.join(root, wrangler.main))
    const runtime = await startRuntime({
      worker: {
        ...bindings,
        bindings: { ...bindings.bindings, ...variables },
        serviceBindings: {
          ...networkBindings,
          ...processes.bindings,
          // Read by the runtime itself; Miniflare's own way goes through two more Workers.
          [wrangler.assets.binding]: { disk: { path: assetsFolder, writable: false } },
        },
      },
      code,
      secret,
      hasProcesses: count > 0,
      ...(tls ? { host: '127.0.0.1', port: 0 } : { host: address, port: settings.port }),
      folder: folder.path,
      log,
      onRestart: () => wrangler.triggers.crons.slice(0, 1).forEach(tick),
    }).catch(async (error) => {
      // Somebody else may have taken the port since the check above: that says it in one line.
      await checkListen(address, settings.port)
      throw error
    })
    undo.push(() => runtime.stop())
    await processes.start({ wrangler, code, variables, home: runtime.home })
    const applied =
      libsql.url === '' ? await runtime.migrate(readMigrations()) : await migrateLibsql(libsql)
    if (applied.length > 0) log('info', 'migrations applied', { names: applied.join(' ') })

    const front =
      tls &&
      (await startTlsFront({ ...tls, host: address, port: settings.port, target: runtime.port }))
    if (front) undo.push(() => front.close())
    undo.push(startTicking(wrangler.triggers.crons, tick))

    const openFiles = openFilesLimit()
    return {
      url: urlOf(tls ? 'https' : 'http', address, front?.port ?? runtime.port),
      dataFolder: folder.path,
      adminToken,
      adminTokenCreated: made?.created ?? false,
      ...(made && { adminTokenFile: made.file }),
      ...(signing && { globalWebhookSecretFile: signing.file }),
      // The limit is one of each process.
      ...(openFiles !== undefined && { tenants: tenantsThatFit(openFiles) * Math.max(1, count) }),
      pid: runtime.pid,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
