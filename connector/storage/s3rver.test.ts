import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import S3rver from 's3rver'
import { describeObjectStore } from '../../test/contract/object-store.ts'
import { systemClock } from '../clock.ts'
import { s3Store } from './s3-store.ts'

// A server that somebody else wrote. It does not check signatures; ours does.
describeObjectStore('S3 of an independent server', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'maxapi-s3-'))
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: 'test-bucket', configs: [] }],
  })
  const { port } = await server.run()
  const settings = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    bucket: 'test-bucket',
    accessKey: 'S3RVER',
    secretKey: 'S3RVER',
    pathStyle: true,
  }
  return {
    store: s3Store({ settings, clock: systemClock, fetch }),
    close: async () => {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
})
