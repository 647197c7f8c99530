/** One dispatch of a stream of server-sent events; `id` alone moves the place. */
export interface ServerSentEvent {
  id: number
  event?: string
  data?: string
}

/** Reads `text/event-stream` as a client does: what it yields has an id, and an event if it was one. */
export async function* readSse(response: Response): AsyncGenerator<ServerSentEvent> {
  const body = response.body?.pipeThrough(new TextDecoderStream())
  let text = ''
  for await (const piece of body ?? []) {
    text += piece
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => {
          const colon = line.indexOf(':')
          return [line.slice(0, colon), line.slice(colon + 1).trimStart()]
        }),
      )
      const event = fields.get('event')
      const data = fields.get('data')
      yield { id: Number(fields.get('id')), ...(event && { event }), ...(data && { data }) }
    }
  }
}

/** Events of a stream up to one that fits; then it is left. */
export const readSseUntil = async (
  response: Response,
  fits: (event: ServerSentEvent) => boolean,
): Promise<ServerSentEvent[]> => {
  const events: ServerSentEvent[] = []
  for await (const each of readSse(response)) {
    events.push(each)
    if (fits(each)) break
  }
  return events
}
