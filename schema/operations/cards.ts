import { z } from 'zod'
import { type IdValue, idInput } from '../ids.ts'
import {
  outgoingMessage,
  publicSent,
  type SendInput,
  sendFields,
  sentOutput,
} from '../message-input.ts'
import { phoneInput, resolveChat, target } from '../model.ts'
import type { SessionPort } from '../session-port.ts'
import { type WireMap, wireId } from '../wire.ts'
import { operation, sendErrors } from './define.ts'

/** Sends a message that is one attachment and nothing else. */
const sendAttach = async (
  session: SessionPort,
  input: SendInput & { chatId?: IdValue | undefined },
  attach: WireMap,
) => {
  const chatId = await resolveChat(session, input)
  const message = outgoingMessage(chatId, input, { attaches: [attach] })
  return publicSent(await session.send(message))
}

const sent = {
  id: 'msg_mu9ph3s1',
  messageId: '117309440008060930',
  chatId: 157880882,
  timestamp: 1790000000123,
}

/** Characters that vCard gives a meaning to (RFC 6350 §3.4), and line breaks. */
const vcardText = (text: string): string =>
  text.replace(/[\\,;]/g, (char) => `\\${char}`).replace(/\r?\n/g, '\\n')

const vcard = (name: string, phone: string): string =>
  [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `FN:${vcardText(name)}`,
    `TEL;TYPE=CELL:${phone}`,
    'END:VCARD',
  ].join('\r\n')

/** MAX reads degrees as a double and may not take an integer for one: 0.1 mm beside it is none. */
const degrees = (value: number): number =>
  Number.isInteger(value) ? value + (value > 0 ? -1e-9 : 1e-9) : value

export const cardOperations = {
  sendSticker: operation({
    method: 'POST',
    path: '/chat/send/sticker',
    scope: 'tenant',
    summary: 'Send a sticker',
    description:
      'Ids of stickers come in with messages, as `stickerId` of their STICKER attachment.',
    example: { input: { chatId: 157880882, stickerId: 272821 }, output: sent },
    online: true,
    creates: true,
    respondsAsync: true,
    input: z.object({ ...target, stickerId: idInput, ...sendFields }),
    output: sentOutput,
    errors: sendErrors,
    run: (session, input) =>
      sendAttach(session, input, { _type: 'STICKER', stickerId: wireId(input.stickerId) }),
  }),
  sendContact: operation({
    method: 'POST',
    path: '/chat/send/contact',
    scope: 'tenant',
    summary: 'Send a contact card',
    description:
      'Of somebody on MAX by `contactId`, of anybody by `name` and `contactPhone`, or a whole `vcard`.',
    example: { input: { chatId: 157880882, contactId: 240000035 }, output: sent },
    online: true,
    creates: true,
    respondsAsync: true,
    input: z
      .object({
        ...target,
        contactId: idInput.optional().describe('MAX user id of the person on the card'),
        name: z.string().trim().min(1).max(200).optional(),
        contactPhone: phoneInput.optional().describe('Phone number on the card'),
        vcard: z.string().min(1).max(10_000).optional(),
        ...sendFields,
      })
      .refine(
        ({ contactId, name, contactPhone, vcard }) =>
          contactId !== undefined ||
          vcard !== undefined ||
          (name !== undefined && contactPhone !== undefined),
        { path: ['contactId'], message: 'give contactId, or name and contactPhone, or vcard' },
      ),
    output: sentOutput,
    errors: sendErrors,
    run: (session, input) => {
      const { contactId, name = '', contactPhone = '' } = input
      const card =
        contactId === undefined
          ? { vcfBody: input.vcard ?? vcard(name, contactPhone) }
          : { contactId: wireId(contactId) }
      return sendAttach(session, input, { _type: 'CONTACT', ...card })
    },
  }),
  sendLocation: operation({
    method: 'POST',
    path: '/chat/send/location',
    scope: 'tenant',
    summary: 'Send a place on the map',
    description:
      'A fixed place, not one that moves. Whole degrees go out 0.1 mm beside, because MAX reads them as fractions.',
    example: {
      input: { chatId: 157880882, latitude: 55.7539, longitude: 37.6208 },
      output: sent,
    },
    online: true,
    creates: true,
    respondsAsync: true,
    input: z.object({
      ...target,
      latitude: z.number().min(-90).max(90).describe('Degrees'),
      longitude: z.number().min(-180).max(180).describe('Degrees'),
      zoom: z.int().min(1).max(20).optional().describe('How close the map is shown'),
      ...sendFields,
    }),
    output: sentOutput,
    errors: sendErrors,
    run: (session, input) => {
      const { zoom } = input
      const place = { latitude: degrees(input.latitude), longitude: degrees(input.longitude) }
      return sendAttach(session, input, { _type: 'LOCATION', ...place, zoom })
    },
  }),
}
