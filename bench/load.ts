import { connect, type Socket } from 'node:net'

/** One request, ready for the wire, and what a right answer looks like. */
export interface Shot {
  request: Buffer
  isRight: (status: number, body: Buffer) => boolean
}

export interface LoadOptions {
  url: string
  /** Taken in turn. */
  shots: Shot[]
  /** Connections, each with one request at a time. */
  concurrency: number
  durationMs: number
}

export interface LoadResult {
  requests: number
  errors: number
  seconds: number
  /** Latencies of the right answers in ms, ascending. */
  latencies: Float64Array
  /** The first wrong answer or failure, for a person. */
  firstError?: string
}

const END_OF_HEAD = Buffer.from('\r\n\r\n')

/** Builds an HTTP/1.1 request that keeps its connection. */
export const httpRequest = (
  url: string,
  method: string,
  path: string,
  token: string,
  body?: object,
): Buffer => {
  const text = body === undefined ? '' : JSON.stringify(body)
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\ntoken: ${token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}

/** Reads answers with a Content-Length off one connection; the gateway gives no others. */
class AnswerReader {
  #pending: Buffer = Buffer.alloc(0)

  /** The whole answer once it is there. */
  push(chunk: Buffer): { status: number; body: Buffer } | undefined {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const headEnd = this.#pending.indexOf(END_OF_HEAD)
    if (headEnd === -1) return undefined
    const head = this.#pending.toString('latin1', 0, headEnd)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)
    if (length === null) throw new Error(`an answer without Content-Length: ${head}`)
    const bodyStart = headEnd + END_OF_HEAD.length
    const end = bodyStart + Number(length[1])
    if (this.#pending.length < end) return undefined
    const body = this.#pending.subarray(bodyStart, end)
    this.#pending = this.#pending.subarray(end)
    return { status: Number(head.slice(9, 12)), body }
  }
}

/**
 * A closed loop over raw sockets: a general HTTP client would cost more than the server it measures.
 * Every answer is checked.
 */
export const runLoad = async (options: LoadOptions): Promise<LoadResult> => {
  const { url, shots, concurrency, durationMs } = options
  const { hostname, port } = new URL(url)
  const latencies: number[] = []
  let requests = 0
  let errors = 0
  let firstError: string | undefined
  const fault = (text: string) => {
    errors += 1
    firstError ??= text.slice(0, 300)
  }
  let next = 0
  const began = performance.now()
  const until = began + durationMs

  const work = (): Promise<void> =>
    new Promise((resolve) => {
      const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true })
      const reader = new AnswerReader()
      let shot: Shot | undefined
      let sentAt = 0
      const fire = () => {
        sentAt = performance.now()
        if (sentAt >= until) {
          socket.destroy()
          resolve()
          return
        }
        shot = shots[next % shots.length]
        next += 1
        if (shot) socket.write(shot.request)
      }
      const fail = (text: string) => {
        fault(text)
        socket.destroy()
        resolve()
      }
      socket.once('connect', fire)
      socket.once('error', (error) => fail(error.message))
      socket.on('end', () => fail('the gateway closed a connection'))
      socket.on('data', (chunk) => {
        const answer = reader.push(chunk)
        if (answer === undefined) return
        requests += 1
        if (shot?.isRight(answer.status, answer.body)) latencies.push(performance.now() - sentAt)
        else fault(`${answer.status} ${answer.body.toString()}`)
        fire()
      })
    })
  await Promise.all(Array.from({ length: concurrency }, work))
  return {
    requests,
    errors,
    seconds: (performance.now() - began) / 1000,
    latencies: Float64Array.from(latencies).sort(),
    ...(firstError !== undefined && { firstError }),
  }
}

/** Value below which the share of an ascending list lies; 0 for an empty one. */
export const percentile = (ascending: ArrayLike<number>, share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0
