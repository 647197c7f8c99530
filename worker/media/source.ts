import { type Flow, flowOf, flowOfBytes } from './flow.ts'

/** Content that is being read. */
export interface Opened {
  flow: Flow
  /** Known before it is read, or not. */
  sizeBytes: number | undefined
  name: string | undefined
}

/** Where the content of a file comes from. */
export interface Source {
  /** Whether `open` may be called more than once: only then can an upload that broke be repeated. */
  again: boolean
  open(): Promise<Opened>
  /** Frees what was put aside. Never rejects. */
  release(): Promise<void>
  /** The whole content, where that is in memory anyway. */
  bytes?: Uint8Array
}

export const sourceOfBytes = (
  bytes: Uint8Array,
  name: string | undefined,
  release: () => void = () => {},
): Source => ({
  again: true,
  bytes,
  open: async () => ({ flow: flowOfBytes(bytes), sizeBytes: bytes.length, name }),
  release: async () => release(),
})

/** What arrives once and cannot be asked for again: the body of a request. */
export const sourceOfStream = (
  stream: ReadableStream<Uint8Array>,
  { sizeBytes, name }: { sizeBytes: number | undefined; name: string | undefined },
): Source => ({
  again: false,
  open: async () => ({ flow: flowOf(stream), sizeBytes, name }),
  release: async () => {},
})
