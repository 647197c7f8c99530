import { z } from 'zod'
import { isChatWanted } from '../../schema/chat-filter.ts'
import { ALL_EVENTS, wantsEvent } from '../../schema/events.ts'
import { endpointFields } from '../../schema/webhook-endpoint.ts'
import type { WebhookFormat } from '../../schema/webhooks-port.ts'
import type { WebhookOptions } from './webhook.ts'

/** Variables as the deployment gives them. */
export interface GlobalWebhookVariables {
  MAXAPI_GLOBAL_WEBHOOK?: string
  /** `whsec_…`; without it the global webhook is not signed. */
  MAXAPI_GLOBAL_WEBHOOK_SECRET?: string
  /** JSON with the fields of an endpoint of `/webhooks`. */
  MAXAPI_GLOBAL_WEBHOOK_OPTIONS?: string
  MAXAPI_WEBHOOK_FORMAT?: string
}

const { events, chats, format, headers, timeoutMs, scheduleMs, order, batch, hmac } = endpointFields
const optionsModel = z
  .strictObject({ events, chats, format, headers, timeoutMs, scheduleMs, order, batch, hmac })
  .partial()

/** Format of webhooks that do not say. */
export const webhookFormat = (variables: GlobalWebhookVariables): WebhookFormat =>
  variables.MAXAPI_WEBHOOK_FORMAT === 'form' ? 'form' : 'json'

/**
 * The operator's webhook, which gets the events of all tenants; `undefined` when none is configured.
 * @throws {Error} that names the variable and the field that is wrong and repeats no value
 */
export const globalWebhook = (variables: GlobalWebhookVariables): WebhookOptions | undefined => {
  const { MAXAPI_GLOBAL_WEBHOOK: url = '', MAXAPI_GLOBAL_WEBHOOK_SECRET: secret } = variables
  if (url === '') return undefined
  const given = readOptions(variables.MAXAPI_GLOBAL_WEBHOOK_OPTIONS || '{}')
  const { events = [ALL_EVENTS], chats = null, headers = {}, ...rest } = given
  const kept = Object.entries(headers).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  )
  const signing = secret ? [{ secret }] : []
  return {
    format: webhookFormat(variables),
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    id: 'global',
    url,
    wants: ({ type, chatId }) => wantsEvent(events, type) && isChatWanted(chats, chatId),
    secrets: async () => ({ signing, headers: Object.fromEntries(kept) }),
  }
}

const readOptions = (text: string): z.output<typeof optionsModel> => {
  const name = 'MAXAPI_GLOBAL_WEBHOOK_OPTIONS'
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error(`${name}: expected a JSON object`)
  }
  const options = optionsModel.safeParse(json)
  if (options.success) return options.data
  const { path, message } = options.error.issues[0] as z.core.$ZodIssue
  throw new Error(`${name}: ${[...path, message].join(': ')}`)
}
