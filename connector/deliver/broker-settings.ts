import { eventListInput } from '../../schema/events.ts'

/** Where events go on a RabbitMQ broker. The operator's choice, from the environment. */
export interface BrokerSettings {
  /** `amqp://` or `amqps://`, with its credentials. Never logged. */
  url: string
  /** Durable queue that gets the events of tenants without a queue of their own. */
  queue: string
  /** Durable topic exchange; `''` publishes to the queue directly. */
  exchange: string
  /** Patterns that bind the queue to the exchange; the routing key is the event's type. */
  bindings: string[]
  /** Names of the events to publish. */
  events: string[]
}

/** Variables as the deployment gives them. */
export interface BrokerVariables {
  RABBITMQ_URL?: string
  RABBITMQ_QUEUE?: string
  RABBITMQ_EXCHANGE?: string
  RABBITMQ_BINDINGS?: string
  RABBITMQ_EVENTS?: string
}

/** Default of the original. */
export const DEFAULT_QUEUE = 'max_events'

/** A queue's or exchange's name: what AMQP takes, without the prefix it keeps for itself. */
export const queueName = /^(?!amq\.)[\w.:\-/ ]{1,200}$/u

/**
 * The broker of a deployment; `undefined` when none is configured.
 * @throws {Error} that names the variable that is wrong and repeats no value
 */
export const brokerSettings = (variables: BrokerVariables): BrokerSettings | undefined => {
  const { RABBITMQ_URL: url = '' } = variables
  if (url === '') return undefined
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new Error('RABBITMQ_URL: expected an amqp:// or amqps:// URL')
  }
  const queue = variables.RABBITMQ_QUEUE || DEFAULT_QUEUE
  const exchange = variables.RABBITMQ_EXCHANGE ?? ''
  if (!queueName.test(queue)) throw new Error('RABBITMQ_QUEUE: not a queue name')
  if (exchange !== '' && !queueName.test(exchange)) {
    throw new Error('RABBITMQ_EXCHANGE: not an exchange name')
  }
  const events = eventListInput.safeParse(variables.RABBITMQ_EVENTS || 'All')
  if (!events.success) throw new Error('RABBITMQ_EVENTS: unknown event name')
  const bindings = (variables.RABBITMQ_BINDINGS || '#').split(',').map((pattern) => pattern.trim())
  return { url, queue, exchange, bindings, events: events.data }
}
