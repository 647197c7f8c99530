import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from './load.ts'
import { usageOf } from './process-tree.ts'
import { table } from './report.ts'
import { type Rig, startRig, type Tenant } from './rig.ts'

export interface EventsOptions {
  parent: string
  /** Session processes of the gateway. */
  processes: number
  tenants: number
  /** Events a second, over all tenants. */
  rate: number
  seconds: number
  log: (line: string) => void
}

export interface EventsCell {
  rate: number
  sent: number
  lost: number
  /** From the message's own time at the sandbox to its arrival at the receiver. */
  p50Ms: number
  p95Ms: number
  p99Ms: number
  cpuUs: number
  rssMb: number
  /** Errors that the gateway logged. */
  errors: number
}

/** The sandbox is told so often what to push. */
const TICK_MS = 20
/** Code is compiled and logs reach their size: a gateway that has just started is not what is asked. */
const WARM_UP_SECONDS = 15
const STEP = 1.25
const STEP_SECONDS = 15
/** Beyond this a rate is not sustained. */
const LONGEST_P99_MS = 100
const DRAIN_MS = 30_000

/**
 * A receiver that notes how long each message took, and answers at once. It shares the processors with what
 * is measured, so it knows no more of HTTP than that takes.
 */
const startReceiver = async () => {
  let latencies: number[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.setEncoding('latin1')
    let text = ''
    socket.on('data', (chunk: string) => {
      text += chunk
      for (;;) {
        const bodyAt = text.indexOf('\r\n\r\n') + 4
        if (bodyAt < 4) return
        const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, bodyAt))?.[1]
        const end = bodyAt + Number(length)
        if (text.length < end) return
        socket.write('HTTP/1.1 204 No Content\r\n\r\n')
        const body = text.slice(bodyAt, end)
        text = text.slice(end)
        const time = Number(/"message":\{"id":"\d+","time":(\d+)/.exec(body)?.[1])
        latencies.push(Date.now() - time)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    count: () => latencies.length,
    take: () => {
      const taken = latencies.sort((a, b) => a - b)
      latencies = []
      return taken
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** The asked rate for the asked time; then faster, until the receiver gets its events too late. */
export const measureEvents = async (options: EventsOptions): Promise<EventsCell[]> => {
  const { parent, processes, log } = options
  const receiver = await startReceiver()
  const rig = await startRig({ parent, processes, webhook: receiver.url })
  try {
    const tenants = await rig.grow(options.tenants)
    const cells: EventsCell[] = []
    let { rate, seconds } = options
    log(`warm-up: ${rate} events/s for ${WARM_UP_SECONDS} s`)
    await cell(rig, tenants, receiver, rate, WARM_UP_SECONDS)
    for (;;) {
      log(`${rate} events/s for ${seconds} s`)
      const measured = await cell(rig, tenants, receiver, rate, seconds)
      cells.push(measured)
      if (!isSustained(measured)) return cells
      rate = Math.round(rate * STEP)
      seconds = Math.min(seconds, STEP_SECONDS)
    }
  } finally {
    await rig.stop()
    receiver.close()
  }
}

const cell = async (
  rig: Rig,
  tenants: Tenant[],
  receiver: Awaited<ReturnType<typeof startReceiver>>,
  rate: number,
  seconds: number,
): Promise<EventsCell> => {
  const total = Math.round(rate * seconds)
  const cpuBefore = usageOf(rig.gatewayPid).cpuMs
  rig.errors.length = 0
  const began = performance.now()
  let sent = 0
  const writes: Promise<void>[] = []
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * rate))
    const messages: { tenant: Tenant; text: string }[] = []
    for (; sent < due; sent += 1) {
      // In turn, all of them would come to every step of their databases' upkeep in the same moment.
      const tenant = tenants[Math.floor(Math.random() * tenants.length)] as Tenant
      messages.push({ tenant, text: `Event ${sent}` })
    }
    if (messages.length > 0) writes.push(rig.write(messages))
    await delay(TICK_MS)
  }
  await Promise.all(writes)
  const deadline = performance.now() + DRAIN_MS
  while (receiver.count() < total && performance.now() < deadline) await delay(50)
  const { cpuMs, rssMb } = usageOf(rig.gatewayPid)
  const latencies = receiver.take()
  return {
    rate,
    sent: total,
    lost: Math.max(0, total - latencies.length),
    p50Ms: percentile(latencies, 0.5),
    p95Ms: percentile(latencies, 0.95),
    p99Ms: percentile(latencies, 0.99),
    cpuUs: ((cpuMs - cpuBefore) * 1000) / total,
    rssMb,
    errors: rig.errors.length,
  }
}

const isSustained = ({ lost, errors, p99Ms }: EventsCell): boolean =>
  lost === 0 && errors === 0 && p99Ms <= LONGEST_P99_MS

export const eventsTable = (cells: EventsCell[]): string => {
  const rows = table(
    ['events/s', 'sent', 'lost', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU µs', 'RSS MB', 'errors'],
    cells.map((each) => [
      each.rate,
      each.sent,
      each.lost,
      each.p50Ms.toFixed(0),
      each.p95Ms.toFixed(0),
      each.p99Ms.toFixed(0),
      each.cpuUs.toFixed(0),
      each.rssMb.toFixed(0),
      each.errors,
    ]),
  )
  const sustained = cells.findLast(isSustained)?.rate ?? 0
  return `${rows}\nsustained, none lost and a p99 of ${LONGEST_P99_MS} ms at most: ${sustained} events/s`
}
