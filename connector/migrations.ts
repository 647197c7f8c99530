import type { Sql } from './sql.ts'

/**
 * The object's own tables. Append only: a shipped entry is never edited, because objects in the field
 * have already run it.
 */
const migrations: readonly string[][] = [
  [
    // Settings, credentials and markers, one JSON value a row.
    'CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
    // The event log. Append only; a destination is a cursor on it, retention is all that deletes.
    `CREATE TABLE events (
       sequence INTEGER PRIMARY KEY,
       id TEXT NOT NULL,
       type TEXT NOT NULL,
       lane INTEGER NOT NULL,
       dedupe_key TEXT,
       created_at INTEGER NOT NULL,
       body TEXT NOT NULL
     )`,
    'CREATE UNIQUE INDEX events_dedupe ON events (dedupe_key) WHERE dedupe_key IS NOT NULL',
    'CREATE INDEX events_lane ON events (lane, sequence)',
    // Where each lane of each destination has got to.
    `CREATE TABLE cursors (
       destination TEXT NOT NULL,
       lane INTEGER NOT NULL,
       sequence INTEGER NOT NULL,
       attempts INTEGER NOT NULL,
       retry_at INTEGER NOT NULL,
       PRIMARY KEY (destination, lane)
     ) WITHOUT ROWID`,
    // Events given up on, per destination.
    `CREATE TABLE parked (
       destination TEXT NOT NULL,
       sequence INTEGER NOT NULL,
       error TEXT NOT NULL,
       parked_at INTEGER NOT NULL,
       PRIMARY KEY (destination, sequence)
     ) WITHOUT ROWID`,
    // Messages written down before they go out.
    `CREATE TABLE sends (
       cid INTEGER PRIMARY KEY,
       state TEXT NOT NULL,
       created_at INTEGER NOT NULL,
       request TEXT NOT NULL,
       idempotency_key TEXT,
       chat_id TEXT,
       message_id TEXT,
       error TEXT
     )`,
    'CREATE UNIQUE INDEX sends_key ON sends (idempotency_key) WHERE idempotency_key IS NOT NULL',
    "CREATE INDEX sends_open ON sends (state) WHERE state IN ('queued', 'sending')",
    'CREATE TABLE contacts (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID',
  ],
  [
    // Chat an event belongs to, as text: filters of destinations and readers look at it.
    'ALTER TABLE events ADD COLUMN chat_id TEXT',
  ],
  [
    // How far each chat is known: the newest message that became an event.
    'CREATE TABLE chat_marks (chat_id TEXT PRIMARY KEY, message_id INTEGER NOT NULL) WITHOUT ROWID',
    // Pushes that wait until their chat has been caught up.
    `CREATE TABLE held_pushes (
       place INTEGER PRIMARY KEY,
       chat_id TEXT NOT NULL,
       opcode INTEGER NOT NULL,
       message_id TEXT,
       payload TEXT NOT NULL
     )`,
    'CREATE INDEX held_pushes_chat ON held_pushes (chat_id, place)',
  ],
  [
    // A send is kept until a week after its end, under an id of ours, with all its times.
    'DROP INDEX sends_key',
    'DROP INDEX sends_open',
    'ALTER TABLE sends DROP COLUMN idempotency_key',
    'ALTER TABLE sends ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE sends ADD COLUMN message_time INTEGER',
    'ALTER TABLE sends ADD COLUMN send_at INTEGER',
    'ALTER TABLE sends ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE sends ADD COLUMN attempted_at INTEGER',
    'ALTER TABLE sends ADD COLUMN read_at INTEGER',
    'UPDATE sends SET updated_at = created_at, attempted_at = created_at',
    'CREATE INDEX sends_age ON sends (created_at, cid)',
    // Nearly all sends end as sent or read; the others are what one looks for.
    "CREATE INDEX sends_state ON sends (state, created_at, cid) WHERE state NOT IN ('sent', 'read')",
    "CREATE INDEX sends_scheduled ON sends (send_at, cid) WHERE state = 'scheduled'",
    "CREATE INDEX sends_unread ON sends (chat_id, message_time) WHERE state = 'sent'",
    'CREATE INDEX sends_message ON sends (message_id) WHERE message_id IS NOT NULL',
    // What each Idempotency-Key stands for; `answer` is NULL while there is none.
    `CREATE TABLE idempotency (
       key TEXT PRIMARY KEY,
       hash TEXT NOT NULL,
       generation INTEGER NOT NULL,
       created_at INTEGER NOT NULL,
       wrote INTEGER NOT NULL DEFAULT 0,
       answer TEXT
     ) WITHOUT ROWID`,
    'CREATE INDEX idempotency_age ON idempotency (created_at)',
  ],
  [
    // The first endpoint is called like that in the API too.
    "UPDATE cursors SET destination = 'default' WHERE destination = 'webhook'",
    "UPDATE parked SET destination = 'default' WHERE destination = 'webhook'",
    "DELETE FROM meta WHERE key = 'disabled'",
    // How each destination does, beside its places in the log.
    `CREATE TABLE destinations (
       id TEXT PRIMARY KEY,
       url TEXT NOT NULL,
       failures INTEGER NOT NULL,
       paused_until INTEGER NOT NULL,
       failing_since INTEGER NOT NULL,
       last_success_at INTEGER NOT NULL,
       last_error TEXT,
       disabled TEXT
     ) WITHOUT ROWID`,
    // Events sent outside of their place in the log: asked for again, or let pass by others.
    `CREATE TABLE redeliveries (
       destination TEXT NOT NULL,
       sequence INTEGER NOT NULL,
       attempts INTEGER NOT NULL,
       retry_at INTEGER NOT NULL,
       replay INTEGER NOT NULL,
       PRIMARY KEY (destination, sequence)
     ) WITHOUT ROWID`,
    // Every attempt, for people. No index: it is bounded, and written far more often than read.
    `CREATE TABLE attempts (
       id INTEGER PRIMARY KEY,
       destination TEXT NOT NULL,
       sequence INTEGER NOT NULL,
       last_sequence INTEGER NOT NULL,
       events INTEGER NOT NULL,
       event_id TEXT NOT NULL,
       type TEXT NOT NULL,
       attempt INTEGER NOT NULL,
       at INTEGER NOT NULL,
       duration_ms INTEGER NOT NULL,
       outcome TEXT NOT NULL,
       status INTEGER,
       error TEXT,
       answer TEXT,
       replay INTEGER NOT NULL
     )`,
    'CREATE INDEX events_id ON events (id)',
  ],
  [
    // Endpoints of webhooks. URL and events of the first one are in the tenant's settings.
    `CREATE TABLE webhooks (
       id TEXT PRIMARY KEY,
       settings TEXT NOT NULL,
       header_names TEXT NOT NULL,
       headers TEXT,
       secret TEXT NOT NULL,
       old_secret TEXT,
       old_secret_until INTEGER NOT NULL,
       created_at INTEGER NOT NULL,
       updated_at INTEGER NOT NULL
     ) WITHOUT ROWID`,
    `INSERT INTO webhooks (id, settings, header_names, secret, old_secret_until, created_at, updated_at)
     SELECT 'default', '{}', '[]', json_extract(value, '$'), 0, 0, 0 FROM meta WHERE key = 'webhookSecret'`,
    "DELETE FROM meta WHERE key = 'webhookSecret'",
  ],
  [
    // Size and age of the log's finished parts, 256 numbers each.
    `CREATE TABLE log_segments (
       segment INTEGER PRIMARY KEY,
       bytes INTEGER NOT NULL,
       newest_at INTEGER NOT NULL
     )`,
    `INSERT INTO log_segments (segment, bytes, newest_at)
     SELECT sequence / 256, sum(length(CAST(body AS BLOB))), max(created_at) FROM events
     GROUP BY sequence / 256 HAVING sequence / 256 < (SELECT max(sequence) FROM events) / 256`,
  ],
  [
    // Named readers of the log: everything up to `sequence` is dealt with.
    `CREATE TABLE readers (
       name TEXT PRIMARY KEY,
       sequence INTEGER NOT NULL,
       created_at INTEGER NOT NULL,
       updated_at INTEGER NOT NULL
     ) WITHOUT ROWID`,
  ],
  [
    // What lies in a bucket for this tenant; `size` is NULL until all of it is stored.
    `CREATE TABLE stored_objects (
       store TEXT NOT NULL,
       key TEXT NOT NULL,
       size INTEGER,
       content_type TEXT NOT NULL,
       file_name TEXT,
       stored_at INTEGER NOT NULL,
       expires_at INTEGER,
       remove_at INTEGER,
       attempts INTEGER NOT NULL DEFAULT 0,
       PRIMARY KEY (store, key)
     ) WITHOUT ROWID`,
    'CREATE INDEX stored_objects_key ON stored_objects (key)',
    'CREATE INDEX stored_objects_removal ON stored_objects (remove_at) WHERE remove_at IS NOT NULL',
  ],
  [
    // Attachments of logged messages whose content is still with MAX.
    `CREATE TABLE incoming_media (
       place INTEGER PRIMARY KEY,
       chat_id TEXT NOT NULL,
       message_id TEXT NOT NULL,
       position INTEGER NOT NULL,
       media_id TEXT NOT NULL,
       kind TEXT NOT NULL,
       direction TEXT NOT NULL,
       name TEXT,
       size INTEGER,
       sent_at INTEGER NOT NULL,
       attach TEXT NOT NULL,
       starts INTEGER NOT NULL,
       failures INTEGER NOT NULL,
       retry_at INTEGER NOT NULL
     )`,
    `CREATE UNIQUE INDEX incoming_media_file
     ON incoming_media (message_id, position, media_id, chat_id)`,
    'CREATE INDEX incoming_media_due ON incoming_media (retry_at)',
  ],
  [
    // An id names its sequence now.
    'DROP INDEX events_id',
  ],
  [
    // Up to here all marks are in their table; behind it the log itself tells them.
    `INSERT INTO meta (key, value)
     SELECT 'marksAfter', sequence FROM events ORDER BY sequence DESC LIMIT 1`,
  ],
]

/** Brings the tables up to date. Each step is atomic; running it again does nothing. */
export const migrate = (sql: Sql): void => {
  sql.all('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)')
  const applied = Number(
    sql.all('SELECT coalesce(max(version), 0) AS version FROM migrations')[0]?.version,
  )
  if (applied > migrations.length) {
    throw new Error(`the object's data is of a newer version (${applied}) than this code`)
  }
  for (const [index, statements] of migrations.entries()) {
    if (index < applied) continue
    sql.transaction(() => {
      for (const statement of statements) sql.all(statement)
      sql.all('INSERT INTO migrations (version) VALUES (?)', index + 1)
    })
  }
}
