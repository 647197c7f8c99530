import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An event as a destination got it, in order of arrival. */
export interface Arrival {
  /** Where it arrived: a tenant's own path, or the name of a shared destination. */
  place: string
  id: string
  raw: string
}

/** Uniform in [0, 1), the same row of numbers for the same seed (mulberry32). */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Behaviour = (request: IncomingMessage, response: ServerResponse, take: () => void) => void

/** What receivers do wrong, and how often, in a thousand requests. */
const behaviours: [perMille: number, Behaviour][] = [
  [30, (_request, response) => response.writeHead(500).end('out of order')],
  [20, (_request, response) => response.writeHead(429, { 'retry-after': '1' }).end()],
  [5, () => {}],
  [20, (_request, response) => response.destroy()],
  [15, (request) => request.socket.resetAndDestroy()],
  [15, (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
  // Taken, and the answer is lost: the event comes again.
  [
    15,
    (request, _response, take) => {
      take()
      request.socket.resetAndDestroy()
    },
  ],
]
const PER_MILLE = 1_000

/** Receivers of many tenants behind one port, each under a path of its own, all of them unreliable. */
export class UnreliableReceiver {
  readonly arrivals: Arrival[] = []
  readonly #random: () => number
  /** How much of what can go wrong does; 0 = nothing. */
  readonly #share: number
  #server: Server | undefined
  #port = 0
  #onArrival: () => void = () => {}

  constructor(random: () => number, share = 1) {
    this.#random = random
    this.#share = share
  }

  urlOf(place: string): string {
    return `http://127.0.0.1:${this.#port}/${place}`
  }

  set onArrival(listener: () => void) {
    this.#onArrival = listener
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
  }

  /** Gone until `open`: connections are cut and refused. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      // Cut in the middle: nothing was taken.
      return
    }
    const take = (): void => {
      const id = String(request.headers['webhook-id'])
      const place = String(request.url).slice(1)
      this.arrivals.push({ place, id, raw: Buffer.concat(chunks).toString() })
      this.#onArrival()
    }
    let draw = this.#random() * PER_MILLE
    for (const [perMille, behave] of behaviours) {
      draw -= perMille * this.#share
      if (draw >= 0) continue
      behave(request, response, take)
      return
    }
    take()
    response.writeHead(204).end()
  }
}
