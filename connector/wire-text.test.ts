import { expect, it } from 'vitest'
import { wireId, wireMessageId } from '../schema/wire.ts'
import { createCodec } from './frame.ts'
import { payloadFromText, payloadToText } from './wire-text.ts'

it('[WT1] a stored payload is encoded exactly like the first time', () => {
  const payload = {
    chatId: wireId(-70000000000001),
    message: {
      text: 'Привет, "мир" 👋',
      elements: [],
      link: { type: 'REPLY', messageId: wireMessageId('117309440008060929') },
    },
    big: 2n ** 60n,
    notify: true,
  }
  for (const encoding of ['binary', 'tcp', 'json'] as const) {
    const codec = createCodec({ encoding, side: 'client' })
    const frame = (value: typeof payload) =>
      codec.encode({ cmd: 0, seq: 1, opcode: 64, payload: value })
    const { big: _big, ...restored } = payloadFromText(payloadToText(payload)) as typeof payload
    const { big: _same, ...original } = payload
    expect(frame(restored as typeof payload)).toEqual(frame(original as typeof payload))
  }
})
