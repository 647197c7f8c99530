import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ReadableStream as WebStream } from 'node:stream/web'
import type { MediaServer } from '../media/server.ts'
import { LineCut } from '../media/upload-server.ts'

/** Carries a request of Node's server to the simulator's media side and its answer back. */
export const serveMedia = async (
  media: MediaServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    const answer = await media.serve(toRequest(request))
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    // Node's and the DOM's types of one and the same stream differ.
    const body = answer.body && Readable.fromWeb(answer.body as never)
    await pipeline(body ?? Readable.from([]), response)
  } catch (error) {
    response.destroy()
    // A client that went away, or a line that was cut on purpose.
    if (!(error instanceof LineCut) && !request.destroyed) throw error
  }
}

const toRequest = (request: IncomingMessage): Request => {
  const url = `http://${request.headers.host}${request.url}`
  const { method = 'GET' } = request
  const headers = new Headers(request.headers as Record<string, string>)
  if (method !== 'POST') return new Request(url, { method, headers })
  // Node's own adapter breaks when the request still comes in after nobody reads it any more.
  const body = WebStream.from(request) as unknown as ReadableStream
  return new Request(url, { method, headers, body, duplex: 'half' } as RequestInit)
}
