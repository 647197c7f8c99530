import { lookup } from 'node:dns/promises'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { codeOf, HostError } from './host-error.ts'

/** A runtime whose host was killed needs a moment to go, and holds the port until then. */
const TRIES = 4
const PAUSE_MS = 250

const tryListen = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()))
  })

const refusal = (host: string, port: number, error: unknown): HostError => {
  const where = `${host}:${port}`
  const messages: Record<string, string> = {
    EADDRINUSE: `${where} is in use; choose another --port or stop what listens there`,
    EACCES: `no permission to listen on ${where}; ports below 1024 need it`,
    EADDRNOTAVAIL: `this machine has no address ${host}; check --address`,
  }
  const message = messages[codeOf(error) ?? ''] ?? `cannot listen on ${where}: ${String(error)}`
  return new HostError(message, { cause: error })
}

/** The address as numbers: the runtime and Node must not resolve a name differently. */
export const resolveAddress = async (address: string): Promise<string> => {
  try {
    return (await lookup(address)).address
  } catch (error) {
    throw new HostError(`cannot resolve the address ${address}; check --address`, { cause: error })
  }
}

/** Rejects with a line for the operator when nobody could listen there. */
export const checkListen = async (host: string, port: number): Promise<void> => {
  for (let left = TRIES; ; left -= 1) {
    try {
      await tryListen(host, port)
      return
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE' || left === 1) throw refusal(host, port, error)
      await delay(PAUSE_MS)
    }
  }
}
