import { EventEmitter } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

/** The part of an event's body that tests look at. */
export interface EventBody {
  id: string
  sequence: number
  type: string
  event?: {
    chatId: number
    message?: { id: string; text: string; sender: number; time: number }
  }
  [field: string]: unknown
}

/** A delivery that the receiver took. */
export interface Received {
  headers: IncomingHttpHeaders
  /** `webhook-id`: equal for a repeated delivery of the same event. */
  id: string
  type: string
  raw: string
  body: EventBody
}

const WAIT_MS = 30_000

/**
 * A webhook receiver on a real port. It takes what is signed with `secret`, checked with the public
 * library of the standard, and keeps it in order of arrival.
 */
export class Receiver {
  /** Signing secret of the one tenant that delivers here. */
  secret = ''
  /** Taken deliveries, repeated ones too. */
  readonly received: Received[] = []
  /** Why deliveries were refused: none may be, in any test. */
  readonly refused: string[] = []
  /** Deliveries that got the status of `answerWith` and were not taken. */
  turnedAway = 0
  readonly #changed = new EventEmitter<{ change: [] }>()
  #server: Server | undefined
  #port = 0
  #status = 200

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`
  }

  /** Messages in order of arrival, each once. */
  get messages(): Received[] {
    return this.ofType('Message')
  }

  /** Texts of `messages`. */
  get texts(): string[] {
    return this.messages.map(({ body }) => body.event?.message?.text ?? '')
  }

  /** Events of a type in the order of their first arrival. */
  ofType(type: string): Received[] {
    const events = this.received.filter((each) => each.type === type)
    return [...new Map(events.map((each) => [each.id, each])).values()]
  }

  /** Listens; after `close` on the port it had. */
  async open(): Promise<void> {
    const server = createServer((request, response) => {
      this.#take(request).then(
        (status) => response.writeHead(status).end(),
        () => response.destroy(),
      )
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
  }

  /** Cuts its connections and refuses new ones. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.closeAllConnections()
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()))
  }

  /** From now on every delivery gets this status; anything but 2xx is not taken. */
  answerWith(status: number): void {
    this.#status = status
  }

  /** Resolves as soon as what arrived fits. */
  async waitFor(what: string, fits: (receiver: this) => boolean, withinMs = WAIT_MS) {
    if (fits(this)) return
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        this.#changed.off('change', onChange)
      }
      const onChange = (): void => {
        if (!fits(this)) return
        stop()
        resolve()
      }
      const timer = setTimeout(() => {
        stop()
        const came = this.received.map(({ type }) => type).join(' ')
        reject(new Error(`waited in vain for ${what}; refused: ${this.refused}; came: ${came}`))
      }, withinMs)
      this.#changed.on('change', onChange)
    })
  }

  /** Waits for the `count`th event of a type and gives it. */
  async event(type: string, count = 1): Promise<Received> {
    await this.waitFor(`${type} number ${count}`, () => this.ofType(type).length >= count)
    return this.ofType(type)[count - 1] as Received
  }

  /** Waits for a message with this text and gives it. */
  async message(text: string, withinMs = WAIT_MS): Promise<Received> {
    const find = () => this.messages.find(({ body }) => body.event?.message?.text === text)
    await this.waitFor(`the message ${text}`, () => find() !== undefined, withinMs)
    return find() as Received
  }

  async #take(request: IncomingMessage): Promise<number> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks).toString('utf8')
    const { headers } = request
    const genuine = this.#verify(raw, headers)
    const status = genuine ? this.#status : 401
    if (genuine && status >= 300) this.turnedAway += 1
    if (status < 300) {
      const body = JSON.parse(raw) as EventBody
      const id = String(headers['webhook-id'])
      this.received.push({ headers, id, type: body.type, raw, body })
    }
    this.#changed.emit('change')
    return status
  }

  #verify(raw: string, headers: IncomingHttpHeaders): boolean {
    try {
      new Webhook(this.secret).verify(raw, headers as Record<string, string>)
      return true
    } catch (error) {
      this.refused.push(String(error))
      return false
    }
  }
}

export const startReceiver = async (): Promise<Receiver> => {
  const receiver = new Receiver()
  await receiver.open()
  return receiver
}
