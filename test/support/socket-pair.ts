import type { FrameCodec } from '../../connector/frame.ts'
import { frameReader } from '../../connector/frame.ts'
import type { Dial, MaxSocket } from '../../connector/socket.ts'
import type { Frame } from '../../schema/wire.ts'

/** The server's end of an in-memory connection; the test decides when anything happens. */
export class ServerEnd {
  readonly received: Frame[] = []
  /** Called for each frame of the client, after it was recorded. */
  onFrame: (frame: Frame) => void = () => {}
  down: string | undefined
  readonly #client: MaxSocket
  readonly #codec: FrameCodec

  constructor(client: MaxSocket, codec: FrameCodec) {
    this.#client = client
    this.#codec = codec
  }

  /** Delivers a frame to the client, unless the connection is gone. */
  send(frame: Omit<Frame, 'ver'>): void {
    this.sendRaw(this.#codec.encode(frame))
  }

  sendRaw(data: Uint8Array | string): void {
    if (this.down === undefined) this.#client.onData(data)
  }

  drop(reason = 'dropped by the test'): void {
    this.#client.close(reason)
  }
}

/**
 * A dial that makes connected pairs; `ends` collects the servers' ends in order.
 * `refuse` makes the next dials fail.
 */
export const socketPairs = (clientCodec: FrameCodec, serverCodec: FrameCodec) => {
  const ends: ServerEnd[] = []
  const control = { refuse: false, onEnd: (_end: ServerEnd): void => {} }
  const dial: Dial = async (signal) => {
    if (control.refuse) throw new Error('connection refused')
    signal.throwIfAborted()
    const read = frameReader(serverCodec)
    const client: MaxSocket = {
      onData: () => {},
      onDown: () => {},
      send: (data) => {
        if (end.down !== undefined) return
        for (const frame of read(data)) {
          end.received.push(frame)
          end.onFrame(frame)
        }
      },
      close: (reason) => {
        if (end.down !== undefined) return
        end.down = reason
        client.onDown(reason)
      },
    }
    const end = new ServerEnd(client, serverCodec)
    ends.push(end)
    control.onEnd(end)
    return client
  }
  return { dial, ends, control, clientCodec }
}
