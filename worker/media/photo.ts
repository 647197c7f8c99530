import { GatewayError } from '../../schema/errors.ts'
import { unwrap } from '../result.ts'
import type { MediaHandler } from './call.ts'
import { itemsOfKind, takingFiles } from './take.ts'
import { transfer } from './transfer.ts'

/** Serves the photo of a chat, or of the account itself. */
export const setPhoto = (of: 'chat' | 'account'): MediaHandler =>
  takingFiles(
    (call, body) => {
      const items = itemsOfKind(call, 'image', body)
      if (items.length === 1) return items
      throw new GatewayError('INVALID_INPUT', 'expected one photo', { field: 'image' })
    },
    async (call, { chatId }, contents) => {
      const [content] = contents
      if (content === undefined) throw new Error('takes one photo')
      const done = await transfer(call, content, of === 'account' ? { profile: true } : {})
      if ('reply' in done) unwrap(done.reply)
      const photoToken = 'uploaded' in done ? done.uploaded.token : undefined
      return call.step('media.photo', { chatId, photoToken })
    },
  )
