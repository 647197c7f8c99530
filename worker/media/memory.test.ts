import { createReadStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ObjectStore } from '../../connector/storage/object-store.ts'
import { defaultStorage } from '../../schema/storage-settings.ts'
import { hashOf, pieces, streamOf } from '../../test/support/content.ts'
import { ByteBudget } from './budget.ts'
import { carry } from './carry.ts'
import { prepare } from './content.ts'
import { flowOf } from './flow.ts'
import { readParts } from './multipart.ts'
import { type Source, sourceOfStream } from './source.ts'
import { spool } from './spool.ts'
import { uploadTo } from './upload.ts'

const MiB = 1024 * 1024
const size = 200 * MiB

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is alive now; garbage does not count. */
const alive = (): number => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Looks every few pieces how much is alive, over what it was before. */
class Gauge {
  readonly #before = alive()
  #seen = 0
  peakMb = 0

  look(): void {
    this.#seen += 1
    if (this.#seen % 16 === 0) this.peakMb = Math.max(this.peakMb, (alive() - this.#before) / MiB)
  }
}

/** A bucket on the disk. */
const diskBucket = async (): Promise<R2Bucket> => {
  const folder = await mkdtemp(join(tmpdir(), 'bucket-'))
  const path = join(folder, 'object')
  const file = await open(path, 'w')
  onTestFinished(async () => {
    await file.close()
    await rm(folder, { recursive: true })
  })
  const bucket = {
    createMultipartUpload: async () => ({
      uploadPart: async (_part: number, bytes: Uint8Array) => file.appendFile(bytes),
      complete: async () => {},
      abort: async () => {},
    }),
    get: async () => ({ body: Readable.toWeb(createReadStream(path)) }),
    delete: async () => {},
  }
  return bucket as unknown as R2Bucket
}

/** MAX's side: takes everything, keeps a hash. */
const upload = async (source: Source, bucket: R2Bucket, gauge: Gauge): Promise<string> => {
  const deps = { bucket, budget: new ByteBudget(48 * MiB) }
  const content = await prepare(deps, 'document', source)
  let hash = Promise.resolve('')
  const fetch = async (_url: string, { body }: RequestInit): Promise<Response> => {
    const watched = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of body as ReadableStream<Uint8Array>) {
        gauge.look()
        yield chunk
      }
    }
    hash = hashOf(watched())
    await hash
    return new Response('{}')
  }
  await uploadTo(fetch, { url: 'https://fu.oneme.ru/', id: 1 }, content, content.flow, {
    asForm: false,
  })
  return hash
}

/** Of the 64 that an isolate may take for it, with what the test itself has in its hands. */
const MOST_MIB = 40

describe('200 MiB pass through without being held', () => {
  it('as a body with a length', async () => {
    const gauge = new Gauge()
    const source = sourceOfStream(streamOf(pieces('bytes', size)), {
      sizeBytes: size,
      name: undefined,
    })
    expect(await upload(source, await diskBucket(), gauge)).toBe(
      await hashOf(pieces('bytes', size)),
    )
    expect(gauge.peakMb).toBeLessThan(MOST_MIB)
  }, 60_000)

  it('as a file of a form, put aside in the bucket', async () => {
    const gauge = new Gauge()
    const text = (lines: string): Uint8Array => new TextEncoder().encode(lines)
    const body = function* (): Generator<Uint8Array> {
      yield text('--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n')
      for (const piece of pieces('bytes', size)) {
        gauge.look()
        yield piece
      }
      yield text('\r\n--b--\r\n')
    }
    const bucket = await diskBucket()
    const deps = { bucket, budget: new ByteBudget(48 * MiB) }
    for await (const part of readParts(
      flowOf(streamOf(body())),
      'multipart/form-data; boundary=b',
    )) {
      if (part.kind !== 'file') throw new Error('expected a file')
      const source = await spool(deps, part.flow, { name: part.fileName, maxBytes: size })
      const hash = await upload(source, bucket, gauge)
      expect(hash).toBe(await hashOf(pieces('bytes', size)))
    }
    expect(gauge.peakMb).toBeLessThan(MOST_MIB)
  }, 60_000)

  it('as a received file, to its storage', async () => {
    const gauge = new Gauge()
    let stored = ''
    const put = async (_key: string, body: unknown): Promise<void> => {
      const watched = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of body as ReadableStream<Uint8Array>) {
          gauge.look()
          yield chunk
        }
      }
      stored = await hashOf(watched())
    }
    const deps = {
      bucket: await diskBucket(),
      budget: new ByteBudget(48 * MiB),
      now: Date.now,
      open: async () => ({ put }) as unknown as ObjectStore,
      fetch: async () =>
        new Response(streamOf(pieces('bytes', size)), {
          headers: { 'content-length': String(size) },
        }),
    }
    const link = { url: 'https://i.oneme.ru/', failoverHosts: [] }
    const facts = { tenantId: 't', sandbox: false, maxBytes: size, inlineBytes: 0, stores: true }
    const sender = {
      placeOf: async () => ({ key: 'k', storage: defaultStorage }),
      isWanted: async () => true,
    }
    const carried = await carry(deps, { link, ...facts }, sender)
    expect(carried).toMatchObject({ size, sha256: await hashOf(pieces('bytes', size)) })
    expect(stored).toBe(carried.sha256)
    expect(gauge.peakMb).toBeLessThan(MOST_MIB)
  }, 60_000)
})
