/**
 * Where the generations of the original MaxAPI disagree with each other or with their documents:
 * what they do, and what is answered here. Typed clients of each generation parse every answer.
 */
export const generations: { topic: string; theirs: string; ours: string }[] = [
  {
    topic: '`messageId` in answers',
    theirs: 'The code answers a string, every document says number.',
    ours: 'A string: 18 digits do not fit a double. Requests take both.',
  },
  {
    topic: 'Error `code`',
    theirs: 'Documented everywhere, sent by one operation.',
    ours: 'In every error, from one table.',
  },
  {
    topic: 'Statuses of errors',
    theirs: '500 for nearly everything, 401 in no document.',
    ours: 'Each code has one status; every operation declares its codes.',
  },
  {
    topic: '`POST /session/connect`',
    theirs:
      '`message` (older, and every document) or `details`, `events`, `alreadyConnected` (newer); 409 when connected (older).',
    ours: 'All of these fields; 200 when connected. Without `subscribe` the events stay as they are.',
  },
  {
    topic: '`GET /session/status`',
    theirs:
      '`maxUserID` here, `maxUserId` and `max_user_id` elsewhere; documents show three of five fields.',
    ours: 'All five fields as they were, and the true state beside them.',
  },
  {
    topic: '`POST /session/logout`',
    theirs: 'Keeps the gateway user (oldest) or deletes it with its token (later).',
    ours: 'Logs out of MAX; the tenant and its settings stay.',
  },
  {
    topic: '`GET /admin/users/{id}`',
    theirs: 'The whole list, a wrapped row, or a flat detail, by generation.',
    ours: 'The row under `data`, and its fields flat beside it.',
  },
  {
    topic: '`PUT /admin/users/{id}`',
    theirs: 'Fields that are left out become empty; an unknown id is 200.',
    ours: 'Fields that are left out stay; an unknown id is 404.',
  },
  {
    topic: '`POST /webhook`',
    theirs: 'A body without `webhook` clears it, and both of its own pages send `webhookurl`.',
    ours: '`webhook` and `webhookURL` mean the same; a body with neither is refused.',
  },
  {
    topic: '`notify`',
    theirs: 'false by default, true in every example.',
    ours: 'true by default.',
  },
  {
    topic: '`/user/info`',
    theirs: '`userId` and `user` (oldest, and every document), `userIds` and `users` (later).',
    ours: 'Both: `users` and `count` always, `user` beside them when asked by `userId`.',
  },
  {
    topic: 'Tokens in the answers of the login by SMS',
    theirs: "`tempToken`, `authToken`, `registerToken` with the login's own secrets.",
    ours: 'The fields are there and empty: the session keeps the login. `includeToken` of the administrator fills `authToken`.',
  },
  {
    topic: 'QR login',
    theirs:
      'Three operations under `/session/auth/qr/`, then `GET /session/qr` beside `/session/connect`.',
    ours: 'Both ways, over one login.',
  },
  {
    topic: '`GET /session/auth/qr/status`',
    theirs: 'Adds the MAX token as `authToken`.',
    ours: 'Never has it.',
  },
  {
    topic: '`chatId` in answers to media',
    theirs: 'In the documents, not in the code.',
    ours: 'Always there.',
  },
  {
    topic: '`/chat/downloadaudio`',
    theirs: 'The code wants `url`, the documents `chatId`, `messageId` and `fileId`.',
    ours: "Either; of `url` only links to MAX's own servers.",
  },
  {
    topic: '`/user/avatar`, `/user/chats`, `/group/list`',
    theirs: 'Each in one generation, from a list of the login that was never refreshed.',
    ours: 'All of them, and MAX is asked each time.',
  },
  {
    topic: '`/user/presence`',
    theirs: 'One document calls it `/chat/presence`.',
    ours: 'Both paths.',
  },
  {
    topic: 'Lists and chats that are empty',
    theirs: '`null`.',
    ours: '`[]`, and the chat read anew where MAX left it out.',
  },
  {
    topic: 'Wrong method',
    theirs: '404 as plain text.',
    ours: '405 with `Allow`.',
  },
  {
    topic: 'Token in the query (`?token=`)',
    theirs: 'Accepted everywhere.',
    ours: 'Not accepted.',
  },
]
