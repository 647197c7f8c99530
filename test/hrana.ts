import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'

/**
 * A libSQL server for tests: Hrana over HTTP with JSON (versions 2 and 3) on `node:sqlite`.
 * A stream is one SQLite connection; while a stream keeps a transaction open between two requests,
 * writes of the others fail with SQLITE_BUSY.
 */
export interface HranaServer {
  url: string
  close(): Promise<void>
}

export const startHrana = async (options: HranaOptions = {}): Promise<HranaServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'hrana-'))
  const file = options.file ?? join(folder, 'test.db')
  const streams = new Map<string, Stream>()
  const server = createServer((request, response) => {
    serve({ ...options, file }, streams, request, response).catch((error: unknown) => {
      reply(response, 500, { message: String(error) })
    })
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      for (const stream of streams.values()) stream.database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface HranaOptions {
  /** Refuse requests without this bearer token. */
  authToken?: string
  /** Database file to keep; default: a new one that is removed at the end. */
  file?: string
  port?: number
}

/** A connection that lives over several requests, found again by its baton. */
interface Stream {
  database: DatabaseSync
  /** Texts the client stored to refer to by number. */
  texts: Map<number, string>
  closed: boolean
}

const serve = async (
  options: HranaOptions & { file: string },
  streams: Map<string, Stream>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { authToken } = options
  if (authToken !== undefined && request.headers.authorization !== `Bearer ${authToken}`) {
    return reply(response, 401, { message: 'unauthorized' })
  }
  if (request.method === 'GET' && /^\/v[23]$/.test(request.url ?? '')) {
    return reply(response, 200, {})
  }
  if (request.method !== 'POST' || !/^\/v[23]\/pipeline$/.test(request.url ?? '')) {
    return reply(response, 404, { message: 'not found' })
  }
  const { baton, requests } = (await readJson(request)) as Pipeline
  const stream = baton ? streams.get(baton) : openStream(options.file)
  if (stream === undefined) return reply(response, 400, { message: 'the stream has expired' })
  if (baton) streams.delete(baton)

  const results = requests.map((each) => {
    try {
      return { type: 'ok', response: { type: each.type, ...run(stream, each) } }
    } catch (error) {
      return { type: 'error', error: describe(error) }
    }
  })
  if (stream.closed) {
    stream.database.close()
    return reply(response, 200, { baton: null, base_url: null, results })
  }
  const next = randomUUID()
  streams.set(next, stream)
  reply(response, 200, { baton: next, base_url: null, results })
}

const openStream = (file: string): Stream => {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
  return { database, texts: new Map(), closed: false }
}

interface Pipeline {
  baton?: string | null
  requests: Request[]
}
type Request =
  | { type: 'close' | 'get_autocommit' }
  | { type: 'execute'; stmt: Statement }
  | { type: 'batch'; batch: { steps: { stmt: Statement; condition?: Condition | null }[] } }
  | { type: 'sequence' | 'describe'; sql?: string; sql_id?: number }
  | { type: 'store_sql'; sql_id: number; sql: string }
  | { type: 'close_sql'; sql_id: number }

interface SqlText {
  sql?: string
  sql_id?: number
}
interface Statement extends SqlText {
  args?: Value[]
  named_args?: { name: string; value: Value }[]
}
type Condition =
  | { type: 'ok' | 'error'; step: number }
  | { type: 'not'; cond: Condition }
  | { type: 'and' | 'or'; conds: Condition[] }
  | { type: 'is_autocommit' }
type Value =
  | { type: 'null' }
  | { type: 'integer' | 'text'; value: string }
  | { type: 'float'; value: number }
  | { type: 'blob'; base64: string }

const run = (stream: Stream, request: Request): object => {
  switch (request.type) {
    case 'close':
      stream.closed = true
      return {}
    case 'get_autocommit':
      return { is_autocommit: !stream.database.isTransaction }
    case 'execute':
      return { result: execute(stream, request.stmt) }
    case 'batch':
      return { result: runBatch(stream, request.batch.steps) }
    case 'sequence':
      stream.database.exec(textOf(stream, request))
      return {}
    case 'describe':
      return { result: describeStatement(stream, textOf(stream, request)) }
    case 'store_sql':
      stream.texts.set(request.sql_id, request.sql)
      return {}
    case 'close_sql':
      stream.texts.delete(request.sql_id)
      return {}
  }
}

const execute = (stream: Stream, statement: Statement): object => {
  const { database } = stream
  const prepared = database.prepare(textOf(stream, statement))
  prepared.setReadBigInts(true)
  prepared.setReturnArrays(true)
  const positional = (statement.args ?? []).map(decode)
  const named = statement.named_args?.map(({ name, value }) => [name, decode(value)] as const)
  const before = changesOf(database).total
  // With `setReturnArrays` a row is an array, which the types of Node do not follow.
  const rows = (named?.length
    ? prepared.all(Object.fromEntries(named), ...positional)
    : prepared.all(...positional)) as unknown as SQLOutputValue[][]
  const after = changesOf(database)
  return {
    cols: prepared.columns().map(({ name, type }) => ({ name, decltype: type })),
    rows: rows.map((row) => row.map(encode)),
    affected_row_count: after.total - before,
    last_insert_rowid: after.lastRowId,
    rows_read: 0,
    rows_written: 0,
    query_duration_ms: 0,
    replication_index: null,
  }
}

/** Steps run in order, each only if its condition on the earlier ones holds. */
const runBatch = (
  stream: Stream,
  steps: { stmt: Statement; condition?: Condition | null }[],
): object => {
  const results: (object | null)[] = steps.map(() => null)
  const errors: (object | null)[] = steps.map(() => null)
  const holds = (condition: Condition): boolean => {
    switch (condition.type) {
      case 'ok':
        return results[condition.step] !== null
      case 'error':
        return errors[condition.step] !== null
      case 'not':
        return !holds(condition.cond)
      case 'and':
        return condition.conds.every(holds)
      case 'or':
        return condition.conds.some(holds)
      case 'is_autocommit':
        return !stream.database.isTransaction
    }
  }
  for (const [index, { stmt, condition }] of steps.entries()) {
    if (condition && !holds(condition)) continue
    try {
      results[index] = execute(stream, stmt)
    } catch (error) {
      errors[index] = describe(error)
    }
  }
  return { step_results: results, step_errors: errors, replication_index: null }
}

const describeStatement = (stream: Stream, sql: string): object => ({
  params: [],
  cols: stream.database
    .prepare(sql)
    .columns()
    .map(({ name, type }) => ({ name, decltype: type })),
  is_explain: false,
  is_readonly: false,
})

const textOf = (stream: Stream, { sql, sql_id: id }: SqlText): string => {
  const text = sql ?? (id === undefined ? undefined : stream.texts.get(id))
  if (text === undefined) throw new Error('no SQL text')
  return text
}

const changesOf = (database: DatabaseSync): { total: number; lastRowId: string } => {
  const row = database.prepare('SELECT total_changes() AS total, last_insert_rowid() AS last').get()
  return { total: Number(row?.total), lastRowId: String(row?.last) }
}

const decode = (value: Value): SQLInputValue => {
  switch (value.type) {
    case 'null':
      return null
    case 'integer':
      return BigInt(value.value)
    case 'blob':
      return Buffer.from(value.base64, 'base64')
    default:
      return value.value
  }
}

const encode = (value: SQLOutputValue): Value => {
  if (value === null) return { type: 'null' }
  if (typeof value === 'bigint') return { type: 'integer', value: value.toString() }
  if (typeof value === 'number') return { type: 'float', value }
  if (typeof value === 'string') return { type: 'text', value }
  // Hrana leaves out the padding.
  return { type: 'blob', base64: Buffer.from(value).toString('base64').replace(/=+$/, '') }
}

/** Primary result codes of SQLite that clients tell apart. */
const codes = new Map([
  [5, 'SQLITE_BUSY'],
  [19, 'SQLITE_CONSTRAINT'],
])

const describe = (error: unknown): object => {
  const number = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
  return {
    message: error instanceof Error ? error.message : String(error),
    code: codes.get(number) ?? 'SQLITE_ERROR',
  }
}

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return JSON.parse(Buffer.concat(chunks).toString())
}

const reply = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
