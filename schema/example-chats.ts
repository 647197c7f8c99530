/** Invented chats for the examples of the rows: a group of two people, a channel and a dialog. */

/** The group as somebody outside sees it. */
export const stranger = {
  id: -70000000000123,
  type: 'CHAT',
  status: 'ACTIVE',
  owner: 120000017,
  title: 'Team',
  access: 'PRIVATE',
  participants: {},
  participantsCount: 2,
  admins: [120000017],
  options: {},
  lastEventTime: 1790000000123,
}

export const group = {
  ...stranger,
  link: 'https://max.ru/join/EXAMPLEtoken',
  participants: { '120000017': 1790000000123, '240000035': 0 },
  myRole: 'owner',
  myPermissions: ['manageMembers', 'appointAdmins', 'changeInfo', 'pinMessages', 'changeLink'],
}

export const channel = {
  ...group,
  id: -70000000000456,
  type: 'CHANNEL',
  title: 'News',
  link: 'https://max.ru/join/ANOTHERtoken',
}

export const dialog = {
  id: 157880882,
  type: 'DIALOG',
  status: 'ACTIVE',
  owner: 120000017,
  participants: { '120000017': 1790000000123, '240000035': 1790000000123 },
  options: {},
  lastEventTime: 1790000000123,
}

export const inGroup = { chatId: group.id }
export const person = 240000035
