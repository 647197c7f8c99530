import { z } from 'zod'
import { operation } from './define.ts'

/** What AMQP takes, without the names it keeps for itself. */
const queueInput = z
  .string()
  .trim()
  .max(200)
  .regex(/^(?!amq\.)[\w.:\-/]+$/, 'expected letters, digits and . _ : - / and no "amq." in front')
const output = z.looseObject({ queue: z.string(), configured: z.boolean() })
const explained =
  'Without a queue of its own a tenant publishes to the queue or exchange of the deployment. `configured` ' +
  'is false where the deployment has no RabbitMQ (`RABBITMQ_URL`): the setting is kept and waits.'

export const rabbitmqOperations = {
  getRabbitmq: operation({
    method: 'GET',
    path: '/session/rabbitmq/config',
    scope: 'tenant',
    summary: "The tenant's own RabbitMQ queue",
    description: explained,
    input: z.object({}),
    output,
    example: { input: {}, output: { queue: 'crm_events', configured: true } },
    run: async (session) => session.broker(),
  }),
  setRabbitmq: operation({
    method: 'POST',
    path: '/session/rabbitmq/config',
    scope: 'tenant',
    summary: "Publish the tenant's events to a queue of its own",
    description: `The queue is made when it is missing, durable. It gets the events from now on. ${explained}`,
    input: z.object({ queue: queueInput.describe('Name of the queue') }),
    output,
    example: { input: { queue: 'crm_events' }, output: { queue: 'crm_events', configured: true } },
    run: async (session, input) => session.setBrokerQueue(input.queue),
  }),
  deleteRabbitmq: operation({
    method: 'DELETE',
    path: '/session/rabbitmq/config',
    scope: 'tenant',
    summary: 'Publish to the queue of the deployment again',
    description: explained,
    input: z.object({}),
    output,
    example: { input: {}, output: { queue: '', configured: true } },
    run: async (session) => session.setBrokerQueue(''),
  }),
}
