import { GatewayError } from '../../schema/errors.ts'
import { mediaRules } from '../../schema/media.ts'
import type { MediaSlot, SlotInput, Uploaded } from '../../schema/media-steps.ts'
import type { Reply } from '../../schema/session-port.ts'
import { unwrap } from '../result.ts'
import type { MediaCall } from './call.ts'
import type { Content } from './content.ts'
import { maxHttpOf } from './max-http.ts'
import { uploadTo } from './upload.ts'

const ATTEMPTS = 3
const RETRY_WAIT_MS = 1_000

/** What became of a file, or the answer that makes it needless. */
export type Transferred = { uploaded: Uploaded } | { reply: Reply }

/** One file into a slot; anew into another one where the transfer broke and the file can be read again. */
export const transfer = async (
  call: MediaCall,
  content: Content,
  purpose: Pick<SlotInput, 'request' | 'profile'>,
): Promise<Transferred> => {
  const { fetch } = maxHttpOf(call.gateway, call.tenant)
  const { kind, source } = content
  let asForm = mediaRules[kind].http.form
  let { flow } = content
  for (let attempt = 1; ; attempt += 1) {
    const reply = await call.step('media.slot', { kind, ...purpose })
    // The same key was answered before: nothing has to be uploaded for that.
    if (!reply.ok || reply.replayed) {
      await flow.cancel()
      return { reply }
    }
    const slot = unwrap(reply) as MediaSlot
    try {
      return { uploaded: await uploadTo(fetch, slot, content, flow, { asForm }) }
    } catch (error) {
      if (!(error instanceof GatewayError) || !source.again || attempt === ATTEMPTS) throw error
      const wantsForm = kind === 'voice' && !asForm && error.data.maxError?.code === 'BAD_REQUEST'
      if (!wantsForm && error.code !== 'TRANSFER_FAILED') throw error
      asForm ||= wantsForm
      if (!wantsForm) await new Promise((resolve) => setTimeout(resolve, RETRY_WAIT_MS * attempt))
      flow = (await source.open()).flow
    }
  }
}
