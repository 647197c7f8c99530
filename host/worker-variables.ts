import { isIP } from 'node:net'
import type { Settings } from './flags.ts'

/** Whether only this machine can reach the address. */
export const isLoopback = (address: string): boolean =>
  address === 'localhost' ||
  address === '::1' ||
  (isIP(address) === 4 && address.startsWith('127.'))

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
