/** Where a tenant's media and archives are kept: an R2 bucket of the deployment or any S3. */
export interface ObjectStore {
  /**
   * Stores an object; the same key again replaces it.
   * @param body a stream needs `size`: neither S3 nor R2 takes one of unknown length
   * @throws {StorageError}
   */
  put(key: string, body: ReadableStream<Uint8Array> | Uint8Array, facts: PutFacts): Promise<void>
  /**
   * Opens an object, or a part of it; `undefined` when there is none.
   * @throws {StorageError}
   */
  get(key: string, range?: ByteRange): Promise<StoredBody | undefined>
  /** What is known of an object without reading it. @throws {StorageError} */
  head(key: string): Promise<StoredFacts | undefined>
  /** Deletes objects; those that are not there count as deleted. @throws {StorageError} */
  delete(keys: readonly string[]): Promise<void>
  /** Objects whose key begins with `prefix`, in key order, a page at a time. @throws {StorageError} */
  list(prefix: string, cursor?: string): Promise<ObjectPage>
  /**
   * A link that opens the object for everybody who has it, until it expires. `undefined` where the
   * store cannot make one: the gateway then serves the object itself.
   */
  link(key: string, options: LinkOptions): Promise<string | undefined>
}

export interface PutFacts {
  contentType: string
  /** Bytes; required for a stream. */
  size?: number
  /** Name to save it under, in any language. */
  fileName?: string
}
/** First and last byte, both counted; `last` may be left out for the rest. */
export interface ByteRange {
  first: number
  last?: number
}
export interface StoredFacts {
  size: number
  contentType: string
  /** The name it was stored with. */
  fileName?: string
  /** Unix ms. */
  modifiedAt: number
}
export interface StoredBody extends StoredFacts {
  /** The object or the part that was asked for; `size` is that of the whole object. */
  body: ReadableStream<Uint8Array>
}
export interface ObjectPage {
  objects: { key: string; size: number }[]
  /** Where the next page goes on; absent on the last one. */
  cursor?: string
}
export interface LinkOptions {
  expiresInS: number
  fileName?: string
}

/** What a store did not do. Texts hold what the store said, never credentials or signed URLs. */
export class StorageError extends Error {
  /** The store's own code, e.g. `AccessDenied`, or one of ours. */
  readonly code: string
  readonly status: number | undefined

  constructor(code: string, message: string, status?: number, cause?: unknown) {
    super(message, { cause })
    this.name = 'StorageError'
    this.code = code
    this.status = status
  }
}

/**
 * Bytes of what is to be stored.
 * @throws {StorageError} MissingContentLength
 */
export const requiredSize = (
  body: ReadableStream<Uint8Array> | Uint8Array,
  { size }: Pick<PutFacts, 'size'>,
): number => {
  const bytes = body instanceof Uint8Array ? body.length : size
  if (bytes === undefined) {
    throw new StorageError('MissingContentLength', 'a stream needs its size')
  }
  return bytes
}

/** Types that a browser shows and cannot run; a picture in XML can hold a script. */
const shown = /^(image|video|audio)\/[\w.-]+ *(;|$)|^application\/pdf$/i

/** RFC 6266 with the name in both forms, for readers of every age. */
export const contentDisposition = (contentType: string, fileName: string | undefined): string => {
  const kind = shown.test(contentType) ? 'inline' : 'attachment'
  if (fileName === undefined) return kind
  const ascii = fileName.replace(/[^\x20-\x7e]|["\\]/g, '_')
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encodeRfc3986(fileName)}`
}

/** The name in what {@link contentDisposition} made; nothing for anybody else's. */
export const dispositionName = (disposition: string | null | undefined): { fileName?: string } => {
  const encoded = /filename\*=UTF-8''([^;\s]+)/.exec(disposition ?? '')?.[1]
  if (encoded === undefined) return {}
  try {
    return { fileName: decodeURIComponent(encoded) }
  } catch {
    return {}
  }
}

/** Percent-encodes everything but the unreserved characters: what SigV4 and RFC 8187 count on. */
export const encodeRfc3986 = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
