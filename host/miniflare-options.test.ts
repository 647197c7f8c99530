import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { assetsFolder } from './assets.ts'
import { cronMinutes, parseWranglerConfig, workerBindings } from './miniflare-options.ts'

const file = path.join(path.dirname(import.meta.dirname), 'wrangler.toml')
const config = parseWranglerConfig(readFileSync(file, 'utf8'))

/** What says nothing: empty lists and objects, absent values. */
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' && value !== null && Object.values(value).every(isEmpty))

const meaningful = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => !isEmpty(value)))

describe('workerBindings', () => {
  it('says what wrangler makes of the same file', () => {
    // Their bindings hold this checkout's `.dev.vars` too, if there are any.
    const { rootPath, modulesRules, cronTriggers, bindings, assets, ...theirs } =
      unstable_getMiniflareWorkerOptions(file).workerOptions
    const { name, d1Databases, durableObjects, bindings: vars, ...ours } = workerBindings(config)

    expect(name).toBe('maxapi')
    expect(assets).toMatchObject({ directory: assetsFolder, ...config.assets })
    expect(cronTriggers).toEqual(config.triggers.crons)
    expect(bindings ?? {}).toMatchObject(vars ?? {})
    expect(meaningful(ours)).toEqual(
      meaningful({ ...theirs, d1Databases: undefined, durableObjects: undefined }),
    )
    expect(Object.keys(d1Databases ?? {})).toEqual(Object.keys(theirs.d1Databases ?? {}))
    const { JOURNAL, ...known } = durableObjects as Record<string, unknown>
    expect(JOURNAL).toMatchObject({ className: 'Journal', useSQLite: true })
    expect(known).toEqual(
      Object.fromEntries(
        Object.entries(theirs.durableObjects ?? {}).map(([binding, object]) => [
          binding,
          { ...(object as object), unsafePreventEviction: true },
        ]),
      ),
    )
  })

  it('keeps the local database when database_id is filled in', () => {
    const deployed = {
      ...config,
      d1_databases: config.d1_databases.map((row) => ({ ...row, database_id: 'real' })),
    }
    expect(workerBindings(deployed).d1Databases).toEqual(workerBindings(config).d1Databases)
  })

  it('maps queues, leaving out what is not set', () => {
    const queues = {
      producers: [{ binding: 'EVENTS', queue: 'events' }],
      consumers: [{ queue: 'events', max_retries: 3, dead_letter_queue: 'dead' }],
    }
    expect(workerBindings({ ...config, queues })).toMatchObject({
      queueProducers: { EVENTS: { queueName: 'events' } },
      queueConsumers: { events: { maxRetries: 3, deadLetterQueue: 'dead' } },
    })
  })
})

describe('cronMinutes', () => {
  it('reads the schedules of wrangler.toml', () => {
    for (const cron of config.triggers.crons) expect(cronMinutes(cron)).toBeGreaterThan(0)
    expect(cronMinutes('*/5 * * * *')).toBe(5)
    expect(cronMinutes('* * * * *')).toBe(1)
  })
  it('refuses what it cannot tick', () => {
    expect(() => cronMinutes('0 3 * * *')).toThrow('cannot tick')
  })
})
