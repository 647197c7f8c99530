/** An error answer (cmd 3). An operation throws it before it changes a chat or an account. */
export class Refusal extends Error {
  readonly code: string
  /** MAX ends the connection after some malformed payloads (wire-and-auth.md §12). */
  readonly closes: boolean

  constructor(code: string, message: string = code, options: { closes?: boolean } = {}) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.closes = options.closes ?? false
  }
}

export const malformed = (message: string): Refusal => new Refusal('proto.payload', message)
export const chatNotFound = (): Refusal => new Refusal('chat.not.found', 'Chat not found')
