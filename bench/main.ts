/**
 * `npm run bench`: the self-host gateway against the sandbox. The load generator shares the machine,
 * so CPU per request is the figure to steer by. Linux only.
 */
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { eventsTable, measureEvents } from './events.ts'
import { httpRequest, percentile, runLoad, type Shot } from './load.ts'
import { usageOf } from './process-tree.ts'
import {
  describeMachine,
  type LoadCell,
  loadTable,
  type MemoryCell,
  memoryTable,
  saveReport,
} from './report.ts'
import { type Rig, startRig, type Tenant } from './rig.ts'

const HELP = `usage: npm run bench -- [options]
  --quick           2 s per cell instead of 8, memory of 100 tenants at most
  --only NAME       load of one operation: send or status
  --memory          memory only
  events            pushes to a webhook instead: --rate a second (1000), --seconds (60), --tenants (100)
  --processes N     session processes of the gateway (0; events: 2, as an operator with two processors would)
  --data-on-tmpfs   data on /dev/shm: without what the disk's fsync costs
`
const SETTLE_MS = 5_000
const WARM_UP_MS = 2_000

const operations: Record<string, (url: string, tenant: Tenant) => Shot> = {
  send: (url, { token, chatId }) => ({
    request: httpRequest(url, 'POST', '/chat/send/text', token, { chatId, text: 'Hello, MAX' }),
    isRight: (status, body) => status === 200 && body.includes('"messageId":"'),
  }),
  status: (url, { token }) => ({
    request: httpRequest(url, 'GET', '/session/status', token),
    isRight: (status, body) => status === 200 && body.includes('"connected":true'),
  }),
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    memory: { type: 'boolean', default: false },
    'data-on-tmpfs': { type: 'boolean', default: false },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    tenants: { type: 'string', default: '100' },
    processes: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const parent = values['data-on-tmpfs']
  ? '/dev/shm'
  : path.join(path.dirname(import.meta.dirname), '.data')
const processes = Number(values.processes ?? (positionals[0] === 'events' ? 2 : 0))
const durationMs = values.quick ? 2_000 : 8_000

interface CellOptions {
  name: string
  shots: Shot[]
  tenants: number
  concurrency: number
}

const measureCell = async (rig: Rig, options: CellOptions): Promise<LoadCell> => {
  const { name, shots, tenants, concurrency } = options
  await runLoad({ url: rig.url, shots, concurrency, durationMs: WARM_UP_MS })
  const cpu = () => ({
    gateway: usageOf(rig.gatewayPid).cpuMs,
    sandbox: usageOf(rig.sandboxPid).cpuMs,
  })
  const own = process.cpuUsage()
  const before = cpu()
  const result = await runLoad({ url: rig.url, shots, concurrency, durationMs })
  const after = cpu()
  const { user, system } = process.cpuUsage(own)
  const perRequest = (ms: number) => (ms * 1000) / Math.max(1, result.requests)
  return {
    operation: name,
    tenants,
    concurrency,
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: percentile(result.latencies, 0.5),
    p95Ms: percentile(result.latencies, 0.95),
    p99Ms: percentile(result.latencies, 0.99),
    gatewayCpuUs: perRequest(after.gateway - before.gateway),
    sandboxCpuUs: perRequest(after.sandbox - before.sandbox),
    generatorCpuUs: perRequest((user + system) / 1000),
    errors: result.errors,
    ...(result.firstError !== undefined && { firstError: result.firstError }),
  }
}

const measureLoad = async (names: string[]): Promise<LoadCell[]> => {
  const rig = await startRig({ parent, processes })
  try {
    const tenants = await rig.grow(100)
    const cells: LoadCell[] = []
    for (const name of names) {
      for (const count of [1, 100]) {
        const shots = tenants.slice(0, count).flatMap((tenant) => {
          const shot = operations[name]?.(rig.url, tenant)
          return shot ? [shot] : []
        })
        for (const concurrency of [1, 32]) {
          process.stderr.write(`${name}: ${count} tenants, concurrency ${concurrency}\n`)
          cells.push(await measureCell(rig, { name, shots, tenants: count, concurrency }))
        }
      }
    }
    return cells
  } finally {
    await rig.stop()
  }
}

const measureMemory = async (counts: number[]): Promise<MemoryCell[]> => {
  const rig = await startRig({ parent, processes })
  try {
    const cells: MemoryCell[] = []
    for (const tenants of counts) {
      process.stderr.write(`memory: ${tenants} tenants\n`)
      await rig.grow(tenants)
      await delay(SETTLE_MS)
      const { rssMb } = usageOf(rig.gatewayPid)
      const perTenantMb = (rssMb - (cells[0]?.rssMb ?? rssMb)) / Math.max(1, tenants)
      cells.push({ tenants, rssMb, perTenantMb })
    }
    return cells
  } finally {
    await rig.stop()
  }
}

const run = async (): Promise<void> => {
  const names = Object.keys(operations).filter((name) => !values.only || values.only === name)
  if (names.length === 0) throw new Error(`--only takes ${Object.keys(operations).join(' or ')}`)
  const load = values.memory ? [] : await measureLoad(names)
  const memory = values.only ? [] : await measureMemory(values.quick ? [0, 100] : [0, 100, 1_000])
  const report = { machine: describeMachine(parent), load, memory }
  const tables = [load.length > 0 && loadTable(load), memory.length > 0 && memoryTable(memory)]
  process.stdout.write(`${JSON.stringify(report.machine, null, 1)}\n\n`)
  process.stdout.write(`${tables.filter(Boolean).join('\n\n')}\n\n${saveReport(report)}\n`)
  for (const { operation, firstError } of load) {
    if (firstError !== undefined) process.stdout.write(`${operation}: ${firstError}\n`)
  }
  if (load.some((cell) => cell.errors > 0)) process.exitCode = 1
}

/** `events`: the asked rate first, then as much as it takes, step by step. */
const runEvents = async (): Promise<void> => {
  const report = await measureEvents({
    parent,
    processes,
    tenants: Number(values.tenants),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    log: (line) => process.stderr.write(`${line}\n`),
  })
  process.stdout.write(`${JSON.stringify(describeMachine(parent), null, 1)}\n\n`)
  process.stdout.write(`session processes: ${processes}\n\n${eventsTable(report)}\n`)
  if (report.some(({ lost, errors }) => lost > 0 || errors > 0)) process.exitCode = 1
}

if (values.help) process.stdout.write(HELP)
else if (positionals[0] === 'events') await runEvents()
else await run()
