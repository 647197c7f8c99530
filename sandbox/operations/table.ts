import { Opcode } from '../../schema/opcodes.ts'
import { wireTime } from '../../schema/wire.ts'
import * as auth from './auth.ts'
import * as chatList from './chat-list.ts'
import * as chatUpdate from './chat-update.ts'
import * as chats from './chats.ts'
import * as contacts from './contacts.ts'
import * as drafts from './drafts.ts'
import * as edits from './edits.ts'
import * as folders from './folders.ts'
import * as media from './media.ts'
import * as members from './members.ts'
import * as membership from './membership.ts'
import * as messages from './messages.ts'
import { greeted, type Operation, online } from './operation.ts'
import * as people from './people.ts'
import * as polls from './polls.ts'
import * as reactions from './reactions.ts'
import * as search from './search.ts'
import * as services from './services.ts'
import * as session from './session.ts'

/**
 * Everything this server answers. An opcode that is not here is `proto.opcode`, be it unknown, not
 * implemented or a server's own.
 */
export const operations: { readonly [opcode: number]: Operation } = {
  [Opcode.SESSION_INIT]: { from: 'open', run: session.greet },

  [Opcode.PING]: greeted(session.ping),
  [Opcode.LOG]: greeted(session.log),
  [Opcode.AUTH_REQUEST]: greeted(auth.requestCode),
  [Opcode.AUTH]: greeted(auth.checkCode),
  [Opcode.AUTH_CONFIRM]: greeted(auth.register),
  [Opcode.AUTH_LOGIN_CHECK_PASSWORD]: greeted(auth.checkPassword),
  [Opcode.GET_QR]: greeted(auth.requestQr),
  [Opcode.GET_QR_STATUS]: greeted(auth.pollQr),
  [Opcode.LOGIN_BY_QR]: greeted(auth.loginByQr),
  [Opcode.GET_CAPTCHA]: greeted(auth.getCaptcha),
  [Opcode.LOGIN]: greeted(session.login),

  [Opcode.AUTH_QR_APPROVE]: online(auth.approveQr),
  [Opcode.LOGOUT]: online(session.logout),
  [Opcode.SESSIONS_INFO]: online(session.listSessions),
  [Opcode.SESSIONS_CLOSE]: online(session.closeSessions),

  [Opcode.CHAT_INFO]: online(chats.chatInfo),
  [Opcode.CHATS_LIST]: online(chats.chatsList),
  [Opcode.CHAT_HISTORY]: online(chats.chatHistory),
  [Opcode.CHAT_MARK]: online(chats.chatMark),
  [Opcode.CHAT_SUBSCRIBE]: online(chats.chatSubscribe),
  [Opcode.MSG_TYPING]: online(chats.typing),

  [Opcode.CHAT_UPDATE]: online(chatUpdate.updateChat),
  [Opcode.CHAT_CHECK_LINK]: online(chatUpdate.checkLink),
  [Opcode.CHAT_JOIN]: online(membership.joinChat),
  [Opcode.LINK_INFO]: online(membership.linkInfo),
  [Opcode.CHAT_LEAVE]: online(membership.leaveChat),
  [Opcode.CHAT_MEMBERS_UPDATE]: online(membership.updateMembers),
  [Opcode.CHAT_MEMBERS]: online(members.listMembers),
  [Opcode.CHAT_SEARCH_COMMON_PARTICIPANTS]: online(members.commonChats),
  [Opcode.PUBLIC_SEARCH]: online(members.publicSearch),
  [Opcode.CHAT_DELETE]: online(chatList.deleteChat),
  [Opcode.CHAT_CLEAR]: online(chatList.clearChat),
  [Opcode.CHAT_HIDE]: online(chatList.hideChat),
  [Opcode.CHAT_PIN_SET_VISIBILITY]: online(chatList.showPin),
  [Opcode.CHAT_REACTIONS_SETTINGS_SET]: online(chatList.setReactionSettings),
  [Opcode.REACTIONS_SETTINGS_GET_BY_CHAT_ID]: online(chatList.getReactionSettings),

  [Opcode.FOLDERS_GET]: online(folders.getFolders),
  [Opcode.FOLDERS_GET_BY_ID]: online(folders.getFoldersById),
  [Opcode.FOLDERS_UPDATE]: online(folders.updateFolder),
  [Opcode.FOLDERS_REORDER]: online(folders.orderFolders),
  [Opcode.FOLDERS_DELETE]: online(folders.deleteFolders),

  [Opcode.MSG_SEND]: online(messages.sendMessage),
  [Opcode.MSG_EDIT]: online(edits.editMessage),
  [Opcode.MSG_DELETE]: online(edits.deleteMessages),
  [Opcode.MSG_GET]: online(messages.getMessages),
  [Opcode.MSG_DELETE_RANGE]: online(edits.deleteRange),

  [Opcode.MSG_SEARCH]: online(search.searchChat),
  [Opcode.MSG_SEARCH_TOUCH]: online(search.touchSearch),
  [Opcode.CHAT_SEARCH]: online(search.searchEverywhere),
  [Opcode.CHAT_MEDIA]: online(search.chatMedia),

  [Opcode.SEND_VOTE]: online(polls.sendVote),
  [Opcode.VOTERS_LIST_BY_ANSWER]: online(polls.listVoters),

  [Opcode.MSG_SHARE_PREVIEW]: online(services.sharePreviews),
  [Opcode.TRANSCRIBE_MEDIA]: online(services.transcribe),
  [Opcode.MSG_SEND_CALLBACK]: online(services.pressButton),

  [Opcode.PHOTO_UPLOAD]: online(media.photoSlot),
  [Opcode.STICKER_UPLOAD]: online(media.stickerSlot),
  [Opcode.VIDEO_UPLOAD]: online(media.videoSlot),
  [Opcode.FILE_UPLOAD]: online(media.fileSlot),
  [Opcode.FILE_DOWNLOAD]: online(media.downloadFile),
  [Opcode.VIDEO_PLAY]: online(media.playVideo),
  [Opcode.AUDIO_PLAY]: online(media.playAudio),
  [Opcode.PHOTO_URL_REFRESH]: online(media.refreshPhotos),

  [Opcode.MSG_REACTION]: online(reactions.react),
  [Opcode.MSG_CANCEL_REACTION]: online(reactions.cancelReaction),
  [Opcode.MSG_GET_REACTIONS]: online(reactions.getReactions),
  [Opcode.MSG_GET_DETAILED_REACTIONS]: online(reactions.listReactions),

  [Opcode.PROFILE]: online(people.updateProfile),
  [Opcode.CONFIG]: online(people.updateConfig),
  [Opcode.REMOVE_CONTACT_PHOTO]: online(people.removePhoto),
  [Opcode.CONTACT_INFO]: online(contacts.contactInfo),
  [Opcode.CONTACT_INFO_BY_PHONE]: online(contacts.contactByPhone),
  [Opcode.CONTACT_UPDATE]: online(contacts.updateContact),
  [Opcode.CONTACT_PRESENCE]: online(contacts.presence),
  [Opcode.CONTACT_LIST]: online(contacts.listContacts),
  [Opcode.CONTACT_PHOTOS]: online(contacts.contactPhotos),
  [Opcode.SYNC]: online(contacts.importContacts),
  [Opcode.DRAFT_SAVE]: online(drafts.saveDraft),
  [Opcode.DRAFT_DISCARD]: online(drafts.discardDraft),

  // What the web tab asks right after LOGIN, and here always has nothing in it (§6.3).
  [Opcode.ASSETS_UPDATE]: online(({ world }) => ({ sections: [], sync: wireTime(world.now) })),
  [Opcode.ASSETS_GET_BY_IDS]: online(() => ({ stickerSets: [] })),
  [Opcode.ASSETS_GET]: online(() => ({ stickerSets: [], marker: 0 })),
  [Opcode.BANNERS_GET]: online(({ world }) => ({
    banners: [],
    updateTime: wireTime(world.now),
    showTime: wireTime(86_400_000),
  })),
  [Opcode.CALL_HISTORY]: online(({ world }) => ({
    callHistoryItems: [],
    callHistorySync: wireTime(world.now),
  })),
  [Opcode.STORIES_LIST]: online(() => ({ storiesPreviews: [] })),
  [Opcode.STORIES_LIST_BY_OWNER]: online(() => ({ storiesPreviews: [] })),
}
