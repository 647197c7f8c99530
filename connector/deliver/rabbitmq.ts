import { type EventName, wantsEvent } from '../../schema/events.ts'
import type { Destination, Outcome } from '../destination.ts'
import { OPERATOR_SCHEDULE_MS } from '../retry-schedule.ts'
import type { BrokerMessage } from './broker.ts'

export interface RabbitmqOptions {
  tenantId: string
  /** The tenant's own queue; `''` for the deployment's. */
  queue: string
  /** Names of the events to publish. */
  events: readonly string[]
  /** Asks the publisher object, which holds the connection. */
  publish(message: BrokerMessage): Promise<Outcome>
}

/** Publishes a tenant's events to RabbitMQ: persistent, confirmed, in order per chat. */
export const rabbitmq = ({ tenantId, queue, events, publish }: RabbitmqOptions): Destination => ({
  id: 'rabbitmq',
  url: `rabbitmq:${queue}`,
  givesUp: false,
  scheduleMs: OPERATOR_SCHEDULE_MS,
  wants: ({ type }) => wantsEvent(events, type as EventName),
  deliver: ([{ id, type, createdAt, body }]) =>
    publish({ id, type, createdAt, tenantId, body, queue }),
})
