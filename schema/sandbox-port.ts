import type { Result } from './errors.ts'
import type { Fault, Incoming } from './operations/sandbox.ts'

/** Origin of every URL that a sandbox inside the product gives out; only its own object serves them. */
export const SANDBOX_ORIGIN = 'https://sandbox'

/** What an integrator needs to know of the simulated account (`GET /sandbox`). */
export interface SandboxInfo {
  /** Phone number of the tenant's own simulated account; SMS login works with `code`. */
  phone: string
  code: string
  /** A second account with a cloud password. */
  phoneWithPassword: string
  password: string
  /** A number that MAX does not know: SMS login with it leads to registration. */
  unregisteredPhone: string
  me: { id: number; name: string }
  contacts: { id: number; name: string; phone: string; chatId: number }[]
}

/** RPC methods of the sandbox object. */
export interface SandboxRpc {
  /** The web socket upgrade, uploads and downloads: everything below `SANDBOX_ORIGIN`. */
  fetch(request: Request): Promise<Response>
  info(): Promise<Result<SandboxInfo>>
  /** Approves the pending QR login (the newest, or the given link) as the tenant's account. */
  approveQr(qrLink?: string): Promise<Result<null>>
  incoming(input: Incoming): Promise<Result<{ chatId: number; messageId: string }>>
  fault(input: Fault): Promise<Result<null>>
  /** Forgets everything. */
  destroy(): Promise<void>
}
