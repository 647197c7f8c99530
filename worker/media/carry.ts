import { createHash } from 'node:crypto'
import type { ObjectStore } from '../../connector/storage/object-store.ts'
import { storageFailed } from '../../connector/storage/tenant-storage.ts'
import { GatewayError } from '../../schema/errors.ts'
import type { Carried, CarryOrder, FileFacts, FilePlace } from '../../schema/received-file.ts'
import type { TenantStorage } from '../../schema/storage-settings.ts'
import { sniff } from './content.ts'
import { concat, type Flow, peek } from './flow.ts'
import { askAnywhere, brokenOff, lengthOf, take } from './from-max.ts'
import type { MaxFetch } from './max-http.ts'
import { type SpoolDeps, spool } from './spool.ts'

/** What the library needs to see of a file. */
const HEAD_BYTES = 4_100
const ANY_BYTES = 'application/octet-stream'
/** So little is not worth a stream. */
const WHOLE_BYTES = 64 * 1024
/** A server that sends a byte now and then would never stall. */
const TRANSFER_MS = 15 * 60_000

export interface CarryDeps extends SpoolDeps {
  /** The way to the tenant's media servers. */
  fetch: MaxFetch
  /** Opens the place where the tenant's media go. */
  open(storage: TenantStorage): Promise<ObjectStore>
  now(): number
}

/** Whoever sent the courier. */
export interface Sender {
  placeOf(facts: FileFacts): Promise<FilePlace>
  isWanted(): Promise<boolean>
}

/**
 * Runs an errand: asks MAX's media server, and stores what comes or hands it back. Of a large file no
 * more than a few pieces are in memory at a time.
 * @throws {GatewayError} see `CourierRpc.carry`
 */
export const carry = async (
  deps: CarryDeps,
  { link, maxBytes, inlineBytes, stores }: CarryOrder,
  sender: Sender,
): Promise<Carried> => {
  const { response, flow } = await take(await askAnywhere(deps.fetch, link), link)
  const announced = lengthOf(response)
  if (announced !== undefined && announced > maxBytes) {
    await flow.cancel()
    throw new GatewayError('BODY_TOO_LARGE', `the file is larger than ${maxBytes} bytes`, {
      details: { size: announced },
    })
  }
  const { head, whole } = await peek(timed(flow, deps.now), HEAD_BYTES)
  // Names of codecs are no part of what others know a type by.
  const contentType = (await sniff(head))?.mimeType.replace(/;.*/, '') ?? ANY_BYTES
  const most = stores ? maxBytes : inlineBytes
  if (announced !== undefined && announced > most) {
    await flow.cancel()
    return { contentType, size: announced }
  }
  const deliver = async (content: Flow, size: number): Promise<Carried> => {
    const facts = { contentType, size }
    const storing = stores ? await beginStoring(deps, sender, facts) : undefined
    return size <= Math.max(WHOLE_BYTES, inlineBytes)
      ? deliverWhole(deps, { content, facts, storing, inlineBytes })
      : deliverStream({ content, facts, storing })
  }
  if (announced !== undefined) return deliver(whole, announced)
  // Neither R2 nor S3 take what has no length.
  const file = { name: undefined, maxBytes: most }
  const source = await spool(deps, whole, file).catch((error: unknown) => {
    if (!stores && error instanceof GatewayError && error.code === 'BODY_TOO_LARGE')
      return undefined
    throw error
  })
  if (source === undefined) return { contentType }
  try {
    const opened = await source.open()
    return await deliver(opened.flow, opened.sizeBytes ?? 0)
  } finally {
    await source.release()
  }
}

/** Content with all that was found out about it. */
interface Delivery {
  content: Flow
  facts: FileFacts
  /** Absent: it is not stored. */
  storing: Storing | undefined
}

const deliverWhole = async (
  deps: CarryDeps,
  { content, facts, storing, inlineBytes }: Delivery & { inlineBytes: number },
): Promise<Carried> => {
  const { size } = facts
  // The bytes, and a third more of them as base64, twice: once here, once on the way.
  const free = await deps.budget.take(4 * size)
  try {
    const pieces: Uint8Array[] = []
    let got = 0
    for (;;) {
      const piece = await content.pull()
      if (piece === undefined) break
      pieces.push(piece)
      got += piece.length
      if (got > size) break
    }
    if (got !== size) throw wrongLength(got, size)
    const bytes = concat(pieces)
    await storing?.(bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    if (inlineBytes === 0 || size > inlineBytes) return { ...facts, sha256 }
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
    return { ...facts, sha256, base64 }
  } finally {
    await content.cancel()
    free()
  }
}

const deliverStream = async ({ content, facts, storing }: Delivery): Promise<Carried> => {
  const { size } = facts
  const hash = createHash('sha256')
  let got = 0
  // A source that breaks breaks the storing with it, which then has an error of its own.
  let broken: unknown
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const piece = await content.pull()
          got += piece?.length ?? 0
          if (piece === undefined ? got < size : got > size) throw wrongLength(got, size)
          if (piece === undefined) return controller.close()
          hash.update(piece)
          controller.enqueue(piece)
        } catch (error) {
          broken = error
          controller.error(error)
        }
      },
      cancel: () => content.cancel(),
    },
    { highWaterMark: 0 },
  )
  try {
    await storing?.(body)
  } catch (error) {
    throw broken ?? error
  } finally {
    await content.cancel()
  }
  if (got !== size) throw wrongLength(got, size)
  return { ...facts, sha256: hash.digest('hex') }
}

type Storing = (body: Uint8Array | ReadableStream<Uint8Array>) => Promise<void>

/** Asks where the content goes, and gives the way there. */
const beginStoring = async (
  { open }: CarryDeps,
  { placeOf, isWanted }: Sender,
  facts: FileFacts,
): Promise<Storing> => {
  const { key, storage, fileName } = await placeOf(facts)
  return async (body) => {
    try {
      const store = await open(storage)
      await store.put(key, body, { ...facts, ...(fileName === undefined ? {} : { fileName }) })
      // A sender that cannot be asked may have begun anew, with the same key.
      const isKept = await isWanted().catch(() => true)
      if (!isKept) await store.delete([key])
    } catch (error) {
      throw storageFailed(error)
    }
  }
}

const wrongLength = (got: number, size: number): GatewayError =>
  brokenOff(`${got} of ${size} bytes came`)

/** The same flow with an end to all patience. */
const timed = (flow: Flow, now: () => number): Flow => {
  const until = now() + TRANSFER_MS
  return {
    pull: async () => {
      if (now() < until) return flow.pull()
      await flow.cancel()
      throw brokenOff(`it took longer than ${TRANSFER_MS / 60_000} minutes`)
    },
    cancel: flow.cancel,
  }
}
