import { type WireMap, wireId, wireMessageId, wireTime } from '../schema/wire.ts'
import { isVisibleTo, type Member, type Message, timeOf } from './records.ts'
import { renderMessage } from './render.ts'
import { isAdmin as isAdminOf, permissionsOf } from './rights.ts'
import { firstAtLeast, historyWindow } from './window.ts'
import type { ChatState } from './world.ts'

export const lastEventTime = (state: ChatState): number => {
  const last = state.messages.at(-1)
  return last ? timeOf(last.id) : state.chat.createdAt
}

/** A chat as one person sees it (operations-and-events.md §2.7); a stranger sees no people in it. */
export const renderChat = (state: ChatState, viewerId: number): WireMap => {
  const { chat } = state
  const member = state.members.get(viewerId)
  const [last, previous] = member ? newestTwo(state, member) : []
  const common: WireMap = {
    id: wireId(chat.id),
    type: chat.type,
    status: member?.view === 'hidden' ? 'HIDDEN' : 'ACTIVE',
    owner: wireId(chat.type === 'CHANNEL' && chat.ownerId !== viewerId ? 0 : chat.ownerId),
    participants: member ? renderParticipants(state, viewerId) : {},
    lastMessage: last && renderMessage(state, last),
    newMessages: member?.markedUnread ? Math.max(1, member.unread) : (member?.unread ?? 0),
    markedAsUnread: member?.markedUnread === true ? true : undefined,
    lastEventTime: wireTime(lastEventTime(state)),
    modified: wireTime(chat.modifiedAt),
    created: wireTime(chat.createdAt),
    joinTime: wireTime(member?.joinedAt ?? chat.createdAt),
    lastDelayedUpdateTime: 0,
    lastFireDelayedErrorTime: 0,
    prevMessageId: previous && wireMessageId(previous.id),
    cid: chat.createdAt,
  }
  // Some dialogs carry a number here (§2.7); saved messages are ours that do.
  if (chat.type === 'DIALOG') return { ...common, options: chat.id === 0 ? 1 : {} }
  return { ...common, ...renderGroup(state, viewerId) }
}

/** A group that the viewer is no longer in: they learn that it is over, and nothing else. */
export const renderDeparted = (
  state: ChatState,
  viewerId: number,
  status: 'LEFT' | 'REMOVED',
): WireMap => ({ ...renderChat(state, viewerId), status, participants: {}, lastMessage: undefined })

const renderGroup = (state: ChatState, viewerId: number): WireMap => {
  const { chat, members } = state
  const { admins, ownerId, joinRequests } = chat
  const isAdmin = isAdminOf(state, viewerId)
  const waiting = Object.keys(joinRequests).length
  const pinned = pinnedMessage(state)
  // A channel's administrators are known to each other only.
  const adminIds =
    chat.type === 'CHAT' || isAdmin ? [ownerId, ...Object.keys(admins).map(Number)] : []
  return {
    title: chat.title,
    description: chat.description,
    baseIconUrl: chat.photo?.url,
    baseRawIconUrl: chat.photo?.url,
    participantsCount: members.size,
    access: chat.access,
    link: renderLink(state, viewerId, isAdmin),
    admins: adminIds.map(wireId),
    adminParticipants: Object.fromEntries(
      adminIds.map((id) => [
        id,
        {
          id: wireId(id),
          permissions: permissionsOf(state, id),
          inviterId: idOrNothing(admins[id]?.inviterId),
        },
      ]),
    ),
    options: { ...chat.options },
    invitedBy: idOrNothing(members.get(viewerId)?.inviterId),
    pinnedMessageId: pinned && wireMessageId(pinned.id),
    pinnedMessage: pinned && renderMessage(state, pinned, viewerId),
    hidePinnedMessage: members.get(viewerId)?.hidesPin,
    messagesCount: state.messages.length,
    blockedParticipantsCount:
      isAdmin && chat.blockedIds.length > 0 ? chat.blockedIds.length : undefined,
    pendingJoinRequestsCount: isAdmin && waiting > 0 ? waiting : undefined,
    joinRequestTime:
      joinRequests[viewerId] === undefined ? undefined : wireTime(joinRequests[viewerId]),
  }
}

const pinnedMessage = ({ chat, messages }: ChatState): Message | undefined => {
  if (chat.pinnedId === undefined) return undefined
  const message = messages[firstAtLeast(messages, chat.pinnedId)]
  return message?.id === chat.pinnedId ? message : undefined
}

/** A private link is for those who may invite: administrators, or all members if the chat says so. */
const renderLink = ({ chat, members }: ChatState, viewerId: number, isAdmin: boolean) => {
  if (chat.publicName !== undefined) return `https://max.ru/${chat.publicName}`
  const maySee =
    isAdmin || (members.has(viewerId) && chat.options.MEMBERS_CAN_SEE_PRIVATE_LINK === true)
  return maySee && chat.linkToken !== undefined
    ? `https://max.ru/join/${chat.linkToken}`
    : undefined
}

const idOrNothing = (id: number | undefined) => (id === undefined ? undefined : wireId(id))

const newestTwo = (state: ChatState, member: Member) =>
  historyWindow(
    state.messages,
    { from: lastEventTime(state), backward: 2, forward: 0 },
    isVisibleTo(member),
  ).reverse()

/** Everybody's read mark; a channel names its readers to nobody. */
const renderParticipants = (state: ChatState, viewerId: number): WireMap => {
  const inChannel = state.chat.type === 'CHANNEL'
  const participants: WireMap = {}
  for (const member of state.members.values()) {
    if (inChannel && member.userId !== viewerId && member.userId !== state.chat.ownerId) continue
    participants[member.userId] = wireTime(member.readMark)
  }
  return participants
}
