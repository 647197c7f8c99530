import {
  type ByteRange,
  contentDisposition,
  dispositionName,
  type ObjectStore,
  requiredSize,
  StorageError,
} from './object-store.ts'
import { sizedStream } from './sized-stream.ts'

const AT_ONCE = 1000

/** The deployment's bucket: embedded on a machine of one's own, R2 on Cloudflare. */
export const r2Store = (bucket: R2Bucket): ObjectStore => ({
  put: async (key, body, facts) => {
    const { contentType, fileName } = facts
    const size = requiredSize(body, facts)
    const options = {
      httpMetadata: { contentType, contentDisposition: contentDisposition(contentType, fileName) },
    }
    if (body instanceof Uint8Array) {
      await explain(bucket.put(key, body, options))
      return
    }
    // R2 takes a stream whose length it can see.
    const { readable, writable } = sizedStream(size)
    const copied = body.pipeTo(writable)
    const stored = explain(bucket.put(key, readable, options))
    const [source, target] = await Promise.allSettled([copied, stored])
    if (target.status === 'rejected') throw target.reason
    if (source.status === 'rejected') throw source.reason
  },
  get: async (key, range) => {
    const object = await explain(bucket.get(key, range ? { range: r2Range(range) } : {}))
    return object === null ? undefined : { ...factsOf(object), body: object.body }
  },
  head: async (key) => {
    const object = await explain(bucket.head(key))
    return object === null ? undefined : factsOf(object)
  },
  delete: async (keys) => {
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      await explain(bucket.delete(keys.slice(at, at + AT_ONCE)))
    }
  },
  list: async (prefix, cursor) => {
    const page = await explain(
      bucket.list({ prefix, limit: AT_ONCE, ...(cursor === undefined ? {} : { cursor }) }),
    )
    return {
      objects: page.objects.map(({ key, size }) => ({ key, size })),
      ...(page.truncated ? { cursor: page.cursor } : {}),
    }
  },
  // A binding cannot sign links: the gateway serves the object behind one of its own.
  link: async () => undefined,
})

const r2Range = ({ first, last }: ByteRange): R2Range =>
  last === undefined ? { offset: first } : { offset: first, length: last - first + 1 }

const factsOf = (object: R2Object) => ({
  size: object.size,
  contentType: object.httpMetadata?.contentType ?? 'application/octet-stream',
  ...dispositionName(object.httpMetadata?.contentDisposition),
  modifiedAt: object.uploaded.getTime(),
})

const explain = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (cause) {
    throw new StorageError('StorageFailed', 'the bucket did not answer', undefined, cause)
  }
}
