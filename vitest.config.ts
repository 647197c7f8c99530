import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const rooms = '{client,schema,connector,worker,sandbox,host,scripts,bench,test}'

export default defineConfig({
  test: {
    // What the Worker logs is of interest where a test fails.
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup: 'test/contract/exercised.setup.ts',
          include: [`${rooms}/**/*.test.ts`],
          exclude: ['**/*.workers.test.ts', 'test/e2e/**', 'test/fuzz/**'],
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              // Of self-hosted gateways: the sessions of these tests have none, as on Cloudflare.
              durableObjects: { TEST_JOURNAL: { className: 'Journal', useSQLite: true } },
              bindings: {
                MAXAPI_ADMIN_TOKEN: 'admin-token-of-the-tests',
                MAXAPI_MASTER_KEY: '00'.repeat(32),
                MAXAPI_PROCESS_SECRET: 'secret-of-the-processes',
                TEST_MIGRATIONS: await readD1Migrations('schema/migrations'),
              },
            },
          })),
        ],
        test: {
          name: 'workers',
          hookTimeout: 60_000,
          include: [`${rooms}/**/*.workers.test.ts`],
        },
      },
      {
        // Minutes rather than seconds: not part of `npm run check`.
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          // Each file starts processes of its own and measures time: one after the other.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
