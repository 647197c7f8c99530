import { isIP } from 'node:net'
import type { Settings } from './flags.ts'

/** Whether only this machine can reach the address. */
export const isLoopback = (address: string): boolean =>
  address === 'localhost' ||
  address === '::1' ||
  (isIP(address) === 4 && address.startsWith('127.'))

/** Addresses that mean all of a machine's: nobody can call them from elsewhere. */
const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** An address with its port, as a URL has it. */
export const urlOf = (scheme: string, host: string, port: number): string =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`

/**
 * Where the gateway is reached unless somebody says it: where it listens, if that is one address and
 * known before it runs.
 */
const ownUrl = ({ address, port, sslcertificate }: Settings): string =>
  isWildcard(address) || port === 0 ? '' : urlOf(sslcertificate ? 'https' : 'http', address, port)

interface Secrets {
  adminToken: string
  masterKey: string
  globalWebhookSecret: string
  version: string
}

/** What the Worker is told through its environment. Variables without a value are left out. */
export const workerVariables = (settings: Settings, secrets: Secrets): Record<string, string> => {
  const variables = {
    MAXAPI_ADMIN_TOKEN: secrets.adminToken,
    MAXAPI_MASTER_KEY: secrets.masterKey,
    MAXAPI_VERSION: secrets.version,
    MAXAPI_GLOBAL_WEBHOOK: settings.globalwebhook,
    MAXAPI_GLOBAL_WEBHOOK_SECRET: secrets.globalWebhookSecret,
    MAXAPI_GLOBAL_WEBHOOK_OPTIONS: settings.globalWebhookOptions,
    MAXAPI_WEBHOOK_FORMAT: settings.webhookFormat,
    MAXAPI_SKIPMEDIA: String(settings.skipmedia),
    MAXAPI_PUBLIC_URL: settings.publicUrl || ownUrl(settings),
    MAXAPI_MEDIA_MAX_BYTES: String(settings.mediaMaxBytes),
    MAXAPI_MEDIA_INLINE_BYTES: String(settings.mediaInlineBytes),
    MAXAPI_ALLOW_PRIVATE_NETWORK: String(settings.allowPrivateNetwork),
    MAXAPI_LOOPBACK: String(isLoopback(settings.address)),
    MAXAPI_LOG_LEVEL: settings.loglevel,
    MAX_ENDPOINT: settings.maxEndpoint,
    MAX_PROTOCOL: settings.maxProtocol,
    MAX_PROFILE: settings.maxProfile,
    MAXAPI_RETENTION_DAYS: String(settings.retentionDays),
    MAXAPI_RETENTION_MB: String(settings.retentionMb),
    MAXAPI_CATCH_UP_CHATS: String(settings.catchUpChats),
    MAXAPI_CATCH_UP_MESSAGES: String(settings.catchUpMessages),
    MAXAPI_CATCH_UP_HOURS: String(settings.catchUpHours),
    MAXAPI_DEGRADED_AFTER_MINUTES: String(settings.degradedAfterMinutes),
    MAXAPI_CONNECT_RETRIES: String(settings.connectRetries),
    MAXAPI_ARCHIVE_EVENTS: settings.archiveEvents,
    MAXAPI_QUEUE_EVENTS: settings.queueEvents,
    MAXAPI_QUEUE_WEBHOOK: settings.queueWebhook,
    RABBITMQ_URL: settings.rabbitmqUrl,
    RABBITMQ_QUEUE: settings.rabbitmqQueue,
    RABBITMQ_EXCHANGE: settings.rabbitmqExchange,
    RABBITMQ_BINDINGS: settings.rabbitmqBindings,
    RABBITMQ_EVENTS: settings.rabbitmqEvents,
    LIBSQL_URL: settings.libsqlUrl,
    LIBSQL_AUTH_TOKEN: settings.libsqlAuthToken,
  }
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
}
