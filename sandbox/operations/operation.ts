import type { WireMap } from '../../schema/wire.ts'
import type { CodeLimits } from '../code-limits.ts'
import type { Connection } from '../connection.ts'
import type { Fields } from '../fields.ts'
import type { Pushes } from '../pushes.ts'
import type { Account, Device, Session } from '../records.ts'
import type { Settings } from '../settings.ts'
import type { World } from '../world.ts'

/** One request on its way. A `null` answer is an empty body (wire-and-auth.md §4.1). */
export interface OpenCall {
  readonly world: World
  readonly pushes: Pushes
  readonly settings: Settings
  readonly connection: Connection
  readonly fields: Fields
  readonly codes: CodeLimits
  /** Approves the QR login behind the link, the newest one without a link; false if there is none. */
  readonly approveQr: (userId: number, link?: string) => boolean
}
export interface GreetedCall extends OpenCall {
  readonly device: Device
}
export interface OnlineCall extends GreetedCall {
  readonly session: Session
  readonly account: Account
}

/** A row of the table: from which stage on the operation answers, and what it does. */
export type Operation =
  | { readonly from: 'open'; run(call: OpenCall): WireMap | null }
  | { readonly from: 'greeted'; run(call: GreetedCall): WireMap | null }
  | { readonly from: 'online'; run(call: OnlineCall): WireMap | null }

export const greeted = (run: (call: GreetedCall) => WireMap | null): Operation => ({
  from: 'greeted',
  run,
})
export const online = (run: (call: OnlineCall) => WireMap | null): Operation => ({
  from: 'online',
  run,
})
