import { DurableObject } from 'cloudflare:workers'
import { systemClock } from './clock.ts'
import { Broker, type BrokerMessage } from './deliver/broker.ts'
import { type BrokerVariables, brokerSettings } from './deliver/broker-settings.ts'
import type { Outcome } from './destination.ts'
import { consoleLog } from './log.ts'

export interface PublisherEnv extends BrokerVariables {
  MAXAPI_LOG_LEVEL?: string
}

/** RPC methods of the publisher object. */
export interface PublisherRpc {
  publish(message: BrokerMessage): Promise<Outcome>
}

/** Publishers of a deployment: few connections for many tenants, and no single bottleneck. */
const PUBLISHERS = 4

/** The publisher that serves a tenant. */
export const publisherName = (tenantId: string): string => {
  let hash = 0
  for (const char of tenantId) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0
  return `rabbitmq-${(hash >>> 0) % PUBLISHERS}`
}

/**
 * Holds a connection to RabbitMQ for many sessions: one in every session would be thousands of them.
 * It keeps nothing; each session has its own place in its log and publishes again what was not confirmed.
 */
export class Publisher extends DurableObject<PublisherEnv> implements PublisherRpc {
  #broker: Broker | undefined

  async publish(message: BrokerMessage): Promise<Outcome> {
    const settings = brokerSettings(this.env)
    if (settings === undefined) return { kind: 'failed', error: 'RABBITMQ_URL is not set' }
    this.#broker ??= new Broker({
      settings,
      clock: systemClock,
      log: consoleLog(this.env.MAXAPI_LOG_LEVEL, () => ({ publisher: this.ctx.id.name })),
    })
    return this.#broker.publish(message)
  }
}
