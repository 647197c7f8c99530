/** An answer of the gateway, whatever its status. */
export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Headers
  body: Body
}

/** An answer that should have been a success. */
export class RestError extends Error {
  readonly answer: Answer

  constructor(request: string, answer: Answer) {
    super(`${request} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    this.answer = answer
  }
}

interface Call {
  /** A string goes out as it is, anything else as JSON. */
  body?: unknown
  headers?: Record<string, string>
}

/** The gateway's REST surface as one caller sees it. `base` is asked each time: a restart moves it. */
export class Rest {
  readonly #base: () => string
  readonly #headers: Record<string, string>

  constructor(base: () => string, headers: Record<string, string>) {
    this.#base = base
    this.#headers = headers
  }

  /** Rejects only when no HTTP answer came. */
  async request<Body = Record<string, unknown>>(
    method: string,
    path: string,
    { body, headers }: Call = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(this.#base() + path, {
      method,
      headers: { 'content-type': 'application/json', ...this.#headers, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(45_000),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  /** The body of a success. */
  async call<Body>(method: string, path: string, call: Call = {}): Promise<Body> {
    const answer = await this.request(method, path, call)
    if (answer.status !== 200) throw new RestError(`${method} ${path}`, answer)
    return answer.body as Body
  }

  get<Body = Record<string, unknown>>(path: string): Promise<Body> {
    return this.call('GET', path)
  }

  post<Body = Record<string, unknown>>(path: string, body: unknown = {}): Promise<Body> {
    return this.call('POST', path, { body })
  }
}
