import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export interface LoadCell {
  operation: string
  tenants: number
  concurrency: number
  requestsPerSecond: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  /** CPU per request: the gateway (host and runtime), the sandbox, and the load generator. */
  gatewayCpuUs: number
  sandboxCpuUs: number
  generatorCpuUs: number
  errors: number
  firstError?: string
}

export interface MemoryCell {
  tenants: number
  rssMb: number
  perTenantMb: number
}

export interface Report {
  machine: object
  load: LoadCell[]
  memory: MemoryCell[]
}

const fileSystems: Record<number, string> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
}

const root = path.dirname(import.meta.dirname)

const commit = (): string => {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: root,
      encoding: 'utf8',
    }).trim()
  } catch {
    return 'unknown'
  }
}

const versionOf = (name: string): string =>
  JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version

/** What a figure depends on. */
export const describeMachine = (dataParent: string): object => ({
  date: new Date().toISOString(),
  commit: commit(),
  cpu: os.cpus()[0]?.model,
  cores: os.cpus().length,
  memoryGb: Math.round(os.totalmem() / 1e9),
  loadAverage: os.loadavg().map((value) => Number(value.toFixed(2))),
  kernel: `${os.type()} ${os.release()}`,
  fileSystem: fileSystems[statfsSync(dataParent).type] ?? 'unknown',
  node: process.version,
  workerd: versionOf('workerd'),
  miniflare: versionOf('miniflare'),
})

export const table = (head: string[], rows: (string | number)[][]): string => {
  const lines = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  )
  return lines
    .map((line) => line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
    .join('\n')
}

export const loadTable = (cells: LoadCell[]): string =>
  table(
    ['operation', 'tenants', 'conc', 'req/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU µs', 'errors'],
    cells.map((cell) => [
      cell.operation,
      cell.tenants,
      cell.concurrency,
      cell.requestsPerSecond.toFixed(0),
      cell.p50Ms.toFixed(2),
      cell.p95Ms.toFixed(2),
      cell.p99Ms.toFixed(2),
      cell.gatewayCpuUs.toFixed(0),
      cell.errors,
    ]),
  )

export const memoryTable = (cells: MemoryCell[]): string =>
  table(
    ['tenants', 'RSS MB', 'MB per tenant'],
    cells.map(({ tenants, rssMb, perTenantMb }) => [
      tenants,
      rssMb.toFixed(0),
      tenants === 0 ? '' : perTenantMb.toFixed(3),
    ]),
  )

/** Writes the report beside the others and returns its file. */
export const saveReport = (report: Report): string => {
  const folder = path.join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  return path.relative(process.cwd(), file)
}
