import { qrDataUrl } from '../connector/qr.ts'
import type { Input, OperationName } from '../schema/operations/index.ts'
import { DEFAULT_ENDPOINT } from '../schema/webhooks-port.ts'
import type { KnownTenant } from './auth.ts'
import type { Gateway } from './gateway.ts'
import { describeError } from './log.ts'
import { unwrap } from './result.ts'
import { configOf, setWanted, type TenantPatch, updateTenant } from './tenants.ts'

/** What the edge does after a session operation has succeeded. */
interface Effect<Input> {
  /** What the database has to know from now on. */
  patch: (input: Input) => TenantPatch
  /** Callers repeat this operation while they wait: what a recent read showed is not written again. */
  polled?: boolean
  /** Fields that the edge adds to the answer. */
  extend?: (data: object) => object
}

const online = { patch: () => ({ wanted: true }) }
const offline = { patch: () => ({ wanted: false }) }

/** Cron looks after the sessions that somebody wants online; these operations tell which. */
const effects: { [Name in OperationName]?: Effect<Input<Name>> } = {
  connect: { patch: (input) => ({ wanted: true, events: input.subscribe }) },
  requestCode: online,
  confirmCode: online,
  checkPassword: online,
  register: online,
  adoptToken: online,
  getQr: { ...online, polled: true, extend: (data) => withQrCode('qrcode', data) },
  startQr: { ...online, polled: true, extend: (data) => withQrCode('qrCodeBase64', data) },
  cancelQr: offline,
  disconnect: offline,
  updateWebhookEndpoint: {
    patch: ({ id, url, events }) => (id === DEFAULT_ENDPOINT ? { webhook: url, events } : {}),
  },
  deleteWebhookEndpoint: {
    patch: ({ id }) => (id === DEFAULT_ENDPOINT ? { webhook: '' } : {}),
  },
  logout: offline,
}

/** Applies an operation's effect, if it has one, and returns the answer with what the edge adds. */
export const settle = async (
  gateway: Gateway,
  name: OperationName,
  input: unknown,
  tenant: KnownTenant,
  data: object,
): Promise<object> => {
  // The row of this name has parsed the input, which the compiler cannot see through a union.
  const effect = effects[name] as Effect<unknown> | undefined
  if (effect === undefined) return data
  const { wanted, ...settings } = effect.patch(input)
  if (Object.values(settings).some((value) => value !== undefined)) {
    const patch = { wanted, ...settings }
    const row = await updateTenant(gateway.db(), tenant.id, patch, gateway.now())
    tenant.wanted = wanted ?? tenant.wanted
    // The session knows the change; now it learns from when on settings are newer than it.
    if (row) unwrap(await gateway.sessions.getByName(row.id).configure(configOf(row)))
  } else if (wanted !== undefined && !(effect.polled && tenant.wanted === wanted)) {
    await noteWanted(gateway, tenant, wanted)
  }
  return effect.extend === undefined ? data : { ...data, ...effect.extend(data) }
}

/**
 * A failure here does not fail the operation, which has happened: a caller could not repeat a login
 * step. The session object keeps the wish itself; only cron's second look at it is missing.
 */
const noteWanted = async (gateway: Gateway, tenant: KnownTenant, wanted: boolean) => {
  try {
    await setWanted(gateway.db(), tenant.id, wanted)
    tenant.wanted = wanted
  } catch (error) {
    gateway.log('error', 'wish not stored', { tenantId: tenant.id, ...describeError(error) })
  }
}

function withQrCode(field: string, data: object): object {
  const link = 'qrLink' in data ? data.qrLink : undefined
  return typeof link === 'string' ? { [field]: qrDataUrl(link) } : {}
}
