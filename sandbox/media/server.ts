import { Opcode } from '../../schema/opcodes.ts'
import { type WireMap, wireId } from '../../schema/wire.ts'
import type { FaultScript } from '../faults.ts'
import type { Pushes } from '../pushes.ts'
import type { Clock, Settings } from '../settings.ts'
import { renderUpload } from './attaches.ts'
import type { Blobs } from './blobs.ts'
import { HEAD_BYTES, lookAt } from './content.ts'
import { serveContent } from './download-server.ts'
import { type MediaStage, receiveUpload } from './upload-server.ts'
import type { Upload, UploadKind, Uploads } from './uploads.ts'

interface Deps {
  uploads: Uploads
  blobs: Blobs
  settings: Settings
  faults: FaultScript
  pushes: Pushes
  clock: Clock
}

export interface PlacedFile {
  kind: UploadKind
  name: string
  bytes: Uint8Array
  /** What the sender's client says of it in the message. */
  facts?: WireMap
}

/**
 * MAX's HTTP side: where slots are filled and links lead. A host passes it every request below
 * `settings.mediaUrl`. Rejects with `LineCut` when the connection is to break instead of an answer.
 */
export class MediaServer {
  readonly #deps: Deps
  readonly #stage: MediaStage

  constructor(deps: Deps) {
    this.#deps = deps
    const { uploads, blobs, settings, faults, clock } = deps
    this.#stage = {
      uploads,
      blobs,
      settings,
      faults,
      now: () => clock.now(),
      sleep: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
      onReceived: (upload) => this.#process(upload),
    }
  }

  async serve(request: Request): Promise<Response> {
    if (request.method === 'POST') return receiveUpload(this.#stage, request)
    if (request.method === 'GET' || request.method === 'HEAD') {
      return serveContent(this.#stage, request)
    }
    return new Response(null, { status: 405 })
  }

  /** Content of an account without an upload, and the attachment to send it with. */
  async place(ownerId: number, file: PlacedFile): Promise<WireMap> {
    const { uploads, blobs, settings, clock } = this.#deps
    const upload = uploads.issue(file.kind, ownerId, settings.uploadTtlMs)
    const writer = await blobs.write(String(upload.id))
    await writer.write(file.bytes)
    await writer.commit()
    const { bytes, name } = file
    const looks = lookAt(bytes.subarray(0, HEAD_BYTES))
    Object.assign(upload, { ...looks, name, sizeBytes: bytes.length, state: 'received' })
    uploads.save(upload)
    return renderUpload({ uploads, settings, now: clock.now() }, upload, file.facts ?? {})
  }

  /** 136 comes after the answer, or the waiter that a client sets up then would miss it (§6.3). */
  #process(upload: Upload): void {
    const { clock, uploads, faults, pushes } = this.#deps
    if (upload.readyAt === 0 || upload.readyAt === Number.MAX_SAFE_INTEGER) return
    const failed = faults.take('processing_failed', upload.ownerId)
    clock.after(upload.readyAt - clock.now(), () => {
      if (failed) {
        upload.state = 'failed'
        uploads.save(upload)
      }
      const error = failed ? 'errors.process.attachment.not.supported' : undefined
      pushes.toAccount(upload.ownerId, Opcode.NOTIF_ATTACH, { ...idsOf(upload), error })
      pushes.flush()
    })
  }
}

const idsOf = ({ kind, id }: Upload): WireMap => {
  if (kind === 'file') return { fileId: wireId(id) }
  return kind === 'voice' ? { videoId: wireId(id), audioId: wireId(id) } : { videoId: wireId(id) }
}
