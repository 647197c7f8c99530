/**
 * What API.md says before its tables: rules that hold for every operation. The tables follow from
 * the document; what stands here follows from nothing and is written by hand.
 */
export const guide = `\
## Conventions

- **Paths** stand at the root. A body is one JSON object; its field names match without regard to case, unknown fields are ignored,
  \`null\` for an optional field means "not given". \`Content-Type\` is not looked at. Every field of a body may stand in the query instead.
- **Answers** are one flat JSON object: \`{"success":true, …}\` with status 200, or an error (below). Lists are never \`null\`. Every answer
  has a \`Request-Id\`. New fields may appear in any answer: ignore what you do not know.
- **Ids** go in as JSON numbers of any size or as decimal strings. Message ids come out as strings, because 18 digits do not fit a double;
  ids of chats and people as numbers, and as strings beyond 2^53. \`chatId\` 0 is Saved Messages.
- **Phones** are 10 to 15 digits, with or without a plus.
- **Times** are Unix milliseconds where MAX has them so, ISO 8601 elsewhere.

## Authentication

| for | header |
|--|--|
| a tenant's operations | \`token: <API token>\`, or \`Authorization: Bearer <API token>\` |
| \`/admin/…\` | \`Authorization: <admin token>\`, with or without \`Bearer\` |

A token in the query is not accepted: addresses end up in logs. A browser's web socket, which can send no header, brings it as a
subprotocol (\`GET /events/stream\`).

## Repeating a request

An \`Idempotency-Key\` header (1 to 255 visible ASCII characters) on an operation that sends or creates something makes repeating it
safe for 24 hours. The same key with the same body gives the stored answer and \`Idempotent-Replayed: true\`; with another body
\`IDEMPOTENCY_MISMATCH\`; while the first request still runs, \`IN_PROGRESS\`. Without a key, look before you repeat a request that ended with
\`OUTCOME_UNKNOWN\`.
`
