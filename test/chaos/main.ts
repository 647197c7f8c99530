/**
 * `npm run chaos`: the chaos test at full size. Flags: --seed, --tenants, --events, --kills,
 * --processes N for so many session processes, and --rabbitmq-node NAME to stop that broker itself instead of cutting the lines to it.
 */
import { parseArgs } from 'node:util'
import { noBroker } from '../support/rabbit.ts'
import { runChaos } from './chaos.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    seed: text,
    tenants: text,
    events: text,
    kills: text,
    processes: text,
    'rabbitmq-node': text,
  },
})
const number = (
  name: 'seed' | 'tenants' | 'events' | 'kills' | 'processes',
  fallback: number,
): number => Number(values[name] ?? fallback)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const seed = number('seed', Math.floor(Math.random() * 1_000_000))
say(`seed ${seed}`)
const report = await runChaos({
  seed,
  processes: number('processes', 0),
  tenants: number('tenants', 50),
  events: number('events', 10_000),
  kills: number('kills', 5),
  withBroker: !noBroker,
  brokerNode: values['rabbitmq-node'],
  patienceMs: 600_000,
  log: say,
})
say(JSON.stringify(report.arrivals))
say(`${report.repeated} repeated, ${report.seconds.toFixed(0)} s`)
for (const violation of report.violations.slice(0, 50)) say(`VIOLATION ${violation}`)
say(report.violations.length === 0 ? 'nothing lost, mixed or reordered' : 'FAILED')
process.exit(report.violations.length === 0 ? 0 : 1)
