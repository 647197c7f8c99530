import type { WireMap } from '../../schema/wire.ts'
import { cards } from '../cards.ts'
import { expandAttach, uploadedTypes } from '../media/attaches.ts'
import { malformed } from '../refusal.ts'
import type { OnlineCall } from './operation.ts'

/** What takes nothing beside it (operations-and-events.md §2.4). */
const alone = new Set(['CONTROL', 'FILE', 'AUDIO', 'POLL'])

/** The attachments as they will be kept, in their full form (§4.4). */
export const acceptAttaches = (call: OnlineCall, attaches: WireMap[]): WireMap[] => {
  const { world, settings, account } = call
  const stage = { uploads: world.uploads, settings, now: world.now }
  const types = attaches.map(({ _type }) => {
    if (typeof _type !== 'string') throw malformed("Expected string at '_type'")
    if (attaches.length > 1 && alone.has(_type)) throw malformed(`${_type} stands alone`)
    return _type
  })
  return attaches.map((attach, at) => {
    const type = types[at] ?? ''
    if (uploadedTypes.has(type)) return expandAttach(stage, account, attach)
    const expand = Object.hasOwn(cards, type) ? cards[type] : undefined
    if (expand === undefined) throw malformed(`'_type' unknown: ${type}`)
    return expand(world, attach)
  })
}
