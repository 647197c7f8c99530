/**
 * wrangler.toml is the one description of the Worker. wrangler itself can turn it into Miniflare
 * options, but importing wrangler costs 180 MB of memory; this is the part of it that we use.
 */
import { readFileSync } from 'node:fs'
import type { V4WorkerOptions } from 'miniflare'
import { parse } from 'smol-toml'
import { z } from 'zod'

const list = <Row extends z.ZodType>(row: Row) => z.array(row).default([])

const wranglerSchema = z.object({
  name: z.string(),
  main: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: list(z.string()),
  triggers: z.object({ crons: list(z.string()) }).default({ crons: [] }),
  vars: z.record(z.string(), z.json()).default({}),
  assets: z.object({ binding: z.string() }),
  d1_databases: list(
    z.object({ binding: z.string(), database_name: z.string(), database_id: z.string() }),
  ),
  r2_buckets: list(z.object({ binding: z.string(), bucket_name: z.string() })),
  durable_objects: z
    .object({ bindings: list(z.object({ name: z.string(), class_name: z.string() })) })
    .default({ bindings: [] }),
  migrations: list(z.object({ new_sqlite_classes: list(z.string()) })),
  queues: z
    .object({
      producers: list(z.object({ binding: z.string(), queue: z.string() })),
      consumers: list(
        z.object({
          queue: z.string(),
          max_batch_size: z.number().optional(),
          max_batch_timeout: z.number().optional(),
          max_retries: z.number().optional(),
          retry_delay: z.number().optional(),
          dead_letter_queue: z.string().optional(),
        }),
      ),
    })
    .default({ producers: [], consumers: [] }),
})
export type WranglerConfig = z.output<typeof wranglerSchema>

export const parseWranglerConfig = (toml: string): WranglerConfig =>
  wranglerSchema.parse(parse(toml))

/** Authorities that the operator trusts beside the public ones, as Node does; read when it starts. */
const trustedCertificates = (): string[] => {
  const file = process.env.NODE_EXTRA_CA_CERTS
  if (!file) return []
  try {
    const pem = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
    return readFileSync(file, 'utf8').match(pem) ?? []
  } catch {
    // Node itself warns of a file that it cannot read.
    return []
  }
}

const network = (...allow: string[]) => ({
  network: {
    allow,
    tlsOptions: { trustBrowserCas: true, trustedCertificates: trustedCertificates() },
  },
})

/** The ways out: `networkOf` in connector/network.ts says what for. */
export const networkBindings = {
  NETWORK: network('public', 'private'),
  PUBLIC_NETWORK: network('public'),
}

/** Of use only where sessions share a disk and a thread, and so not in wrangler.toml. */
export const journalBinding = { name: 'JOURNAL', class_name: 'Journal' }

/** What of a Worker follows from wrangler.toml; code and sockets are added by the host. */
export type WorkerBindings = Pick<
  V4WorkerOptions,
  | 'name'
  | 'compatibilityDate'
  | 'compatibilityFlags'
  | 'bindings'
  | 'd1Databases'
  | 'r2Buckets'
  | 'durableObjects'
  | 'queueProducers'
  | 'queueConsumers'
>

const byKey = <Row, Value>(rows: Row[], entry: (row: Row) => [string, Value]) =>
  Object.fromEntries(rows.map(entry))

type Given<Fields> = { [Key in keyof Fields]?: NonNullable<Fields[Key]> }

/** The fields that have a value. */
const given = <Fields extends object>(fields: Fields): Given<Fields> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Given<Fields>

export const workerBindings = (config: WranglerConfig): WorkerBindings => {
  const sqliteClasses = new Set([
    ...config.migrations.flatMap((tag) => tag.new_sqlite_classes),
    journalBinding.class_name,
  ])
  const objects = [...config.durable_objects.bindings, journalBinding]
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings: config.vars,
    // The id names the file on disk. wrangler takes `database_id`, which changes when somebody
    // fills it in to deploy: the local tenants would be gone.
    d1Databases: byKey(config.d1_databases, (row) => [row.binding, { id: row.database_name }]),
    r2Buckets: byKey(config.r2_buckets, (row) => [row.binding, { id: row.bucket_name }]),
    durableObjects: byKey(objects, (row) => [
      row.name,
      {
        className: row.class_name,
        useSQLite: sqliteClasses.has(row.class_name),
        // A session's outgoing socket does not keep its object alive in the local runtime.
        unsafePreventEviction: true,
      },
    ]),
    queueProducers: byKey(config.queues.producers, (row) => [
      row.binding,
      { queueName: row.queue },
    ]),
    queueConsumers: byKey(config.queues.consumers, ({ queue, ...limits }) => [
      queue,
      given({
        maxBatchSize: limits.max_batch_size,
        maxBatchTimeout: limits.max_batch_timeout,
        maxRetries: limits.max_retries,
        retryDelay: limits.retry_delay,
        deadLetterQueue: limits.dead_letter_queue,
      }),
    ]),
  }
}

/** Minutes between ticks of a "every N minutes" schedule, the only form the host can tick. */
export const cronMinutes = (cron: string): number => {
  const minutes = /^(?:\*|\*\/(\d+)) \* \* \* \*$/.exec(cron)
  if (minutes === null) throw new Error(`wrangler.toml: the host cannot tick the cron "${cron}"`)
  return Number(minutes[1] ?? 1)
}
