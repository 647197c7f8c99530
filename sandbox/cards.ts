import type { WireMap } from '../schema/wire.ts'
import { newPollAttach } from './polls.ts'
import { malformed, Refusal } from './refusal.ts'
import { fullName } from './render.ts'
import type { World } from './world.ts'

/** Turns an attachment that needs no upload into the form in which it is kept and seen. */
type Expand = (world: World, attach: WireMap) => WireMap

const number = (attach: WireMap, name: string, limit: number): number => {
  const value = attach[name]
  if (typeof value !== 'number') throw malformed(`Expected number at '${name}'`)
  if (Math.abs(value) > limit) throw malformed(`'${name}' out of range`)
  return value
}

/** Every sticker id of up to six digits exists; a set has a hundred of them. */
const sticker: Expand = (world, attach) => {
  const stickerId = number(attach, 'stickerId', Number.MAX_SAFE_INTEGER)
  if (!Number.isSafeInteger(stickerId) || stickerId < 1 || stickerId > 999_999) {
    throw new Refusal('not.found', 'No such sticker')
  }
  return {
    _type: 'STICKER',
    stickerId,
    setId: Math.ceil(stickerId / 100),
    url: `https://st.oneme.ru/sticker/${stickerId}`,
    width: 512,
    height: 512,
    tags: [],
    stickerType: 'STATIC',
    authorType: 'SYSTEM',
    time: world.now,
    audio: false,
  }
}

/** Somebody on MAX, or anybody as a vCard. */
const contact: Expand = (world, attach) => {
  const { vcfBody } = attach
  if (attach.contactId !== undefined) {
    const account = world.accounts.get(number(attach, 'contactId', Number.MAX_SAFE_INTEGER))
    if (account === undefined) throw new Refusal('user.not.found', 'User not found')
    const { id, firstName, lastName, phone } = account
    return {
      _type: 'CONTACT',
      contactId: id,
      name: fullName(account),
      firstName,
      lastName,
      vcfBody: [
        'BEGIN:VCARD',
        'VERSION:3.0',
        `FN:${fullName(account)}`,
        `TEL:${phone}`,
        'END:VCARD',
      ].join('\r\n'),
    }
  }
  if (typeof vcfBody !== 'string' || !/^BEGIN:VCARD\r?\n/.test(vcfBody)) {
    throw malformed("Expected vCard at 'vcfBody'")
  }
  const line = (name: string): string | undefined =>
    new RegExp(`^${name}[^:\r\n]*:(.*)$`, 'm').exec(vcfBody)?.[1]?.trim()
  return { _type: 'CONTACT', vcfBody, name: line('FN'), phone: line('TEL') }
}

const location: Expand = (_world, attach) => ({
  ...attach,
  latitude: number(attach, 'latitude', 90),
  longitude: number(attach, 'longitude', 180),
})

const share: Expand = (_world, attach) => {
  const { url } = attach
  if (typeof url !== 'string') throw malformed("Expected string at 'url'")
  return sharePreview(url) ?? { _type: 'SHARE', url }
}

/** What the server would show for a link; it looks at no page, so that its answer never varies. */
export const sharePreview = (url: string): WireMap | undefined => {
  if (!URL.canParse(url)) return undefined
  const { hostname, pathname } = new URL(url)
  let shareId = 7
  for (const char of url) shareId = (Math.imul(shareId, 31) + (char.codePointAt(0) ?? 0)) >>> 0
  return {
    _type: 'SHARE',
    shareId,
    url,
    host: hostname,
    title: `Page of ${hostname}`,
    description: pathname,
  }
}

/** Attachments without an upload (operations-and-events.md §2.4). */
export const cards: { readonly [type: string]: Expand } = {
  CONTROL: (_world, attach) => attach,
  STICKER: sticker,
  CONTACT: contact,
  LOCATION: location,
  SHARE: share,
  POLL: (world, attach) => newPollAttach(attach, world.nextMessageId()),
}
