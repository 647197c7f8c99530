import type { MediaOperationName } from '../../schema/operations/index.ts'
import type { MediaHandler } from './call.ts'
import { downloadKind } from './download.ts'
import { setPhoto } from './photo.ts'
import { sendAny, sendKind } from './send.ts'

/** Who serves the operations that move content. The type keeps the table complete. */
export const mediaHandlers: { [Name in MediaOperationName]: MediaHandler } = {
  sendImage: sendKind('sendImage', 'image'),
  sendVideo: sendKind('sendVideo', 'video'),
  sendAudio: sendKind('sendAudio', 'audio'),
  sendDocument: sendKind('sendDocument', 'document'),
  sendVoice: sendKind('sendVoice', 'voice'),
  sendVideoNote: sendKind('sendVideoNote', 'videonote'),
  sendMedia: sendAny('sendMedia'),
  setGroupPhoto: setPhoto('chat'),
  setAccountPhoto: setPhoto('account'),
  downloadImage: downloadKind('image'),
  downloadVideo: downloadKind('video'),
  downloadAudio: downloadKind('audio'),
  downloadDocument: downloadKind('document'),
  getMediaFile: downloadKind('file', { alwaysBytes: true }),
}
