import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { CallContext, SessionPort } from '../session-port.ts'

/** Who may call: anybody, the administrator, or the tenant that the token belongs to. */
export type Scope = 'public' | 'admin' | 'tenant'
/** What any call to MAX can end with. */
export const maxErrors = [
  'MAX_REFUSED',
  'RATE_LIMITED',
  'MAX_UNAVAILABLE',
  'MAX_TIMEOUT',
] as const satisfies ErrorCode[]

/** What a read of something at MAX can end with, and what a change of it can. */
export const readErrors = [...maxErrors, 'NOT_FOUND', 'FORBIDDEN'] as const satisfies ErrorCode[]
export const writeErrors = [...readErrors, 'OUTCOME_UNKNOWN'] as const satisfies ErrorCode[]
/** What the sending of a message can end with. */
export const sendErrors = [...writeErrors, 'EXPIRED'] as const satisfies ErrorCode[]

/** What a step of a login can end with: it dials by itself, so the session need not be online. */
export const dialErrors = [
  ...maxErrors,
  'ACCOUNT_BLOCKED',
  'CONFLICT',
  'BAD_UPSTREAM',
  'NOT_CONNECTED',
] as const satisfies ErrorCode[]

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One row of the REST surface. Routes, validation, documents and tests derive from it. */
export interface Operation<Input extends z.ZodObject = z.ZodObject, Output = unknown> {
  method: Method
  /** Path with `:name` parameters. */
  path: string
  scope: Scope
  summary: string
  /** What the summary leaves open: defaults, limits, what MAX does with it. */
  description: string
  /** A request and its answer with invented values; both fit the schemas. */
  example: { input: Record<string, unknown>; output: Record<string, unknown> }
  /** A POST that changes nothing: asking again is safe, and a lost answer is no unknown outcome. */
  reads?: true
  /** Sends or creates something: takes an `Idempotency-Key`. */
  creates?: true
  /**
   * What of the answer to a row that creates is not kept under a key, because it is a secret: read anew
   * for each answer.
   */
  secrets?: (
    session: SessionPort,
    kept: Record<string, unknown>,
  ) => Promise<Record<string, unknown>>
  /** A send that takes `Prefer: respond-async`: 202 as soon as the message is written down. */
  respondsAsync?: true
  /**
   * `in`: beside JSON, where content is base64, a URL or a key of the storage, the body may be
   * `multipart/form-data` or the content itself with the fields in the query. `out`: answers JSON with
   * base64, or the bytes themselves to `Accept: application/octet-stream`. `link`: answers the bytes
   * to whoever has a signed link.
   */
  media?: 'in' | 'out' | 'link'
  /** Answers server-sent events, or upgrades to a web socket: what its text looks like. */
  stream?: { example: string }
  /** Path, query and body fields in one object. */
  input: Input
  /** What succeeds; `success: true` is added at the edge. Absent = not described yet. */
  output: z.ZodType
  /** Codes beyond those every operation can answer. */
  errors?: readonly ErrorCode[]
  /** `true`: refused with NOT_CONNECTED unless the session is online. */
  online?: boolean
  /** Absent: the edge serves the row, by the handler of the same name in `worker/handlers.ts`. */
  run?: Run<Input, Output>
}

/** Runs inside the tenant's object. */
export type Run<Input extends z.ZodObject, Output> = (
  session: SessionPort,
  input: z.output<Input>,
  context: CallContext,
) => Promise<Output>

/** A row that runs in the session object, and one that the edge serves: the type tells which. */
export type SessionRow<Input extends z.ZodObject, Output> = Operation<Input, Output> & {
  run: Run<Input, Output>
}
export type EdgeRow<Input extends z.ZodObject> = Operation<Input, never> & { run?: never }

/** A row that moves content: the edge serves it, by a handler in `worker/media/`. */
export type MediaRow<Input extends z.ZodObject> = EdgeRow<Input> & { media: 'in' | 'out' }

/** A row behind links that the gateway signs: the edge serves it, by `worker/media/link.ts`. */
export type LinkRow<Input extends z.ZodObject> = EdgeRow<Input> & { media: 'link' }

/** A row that answers a stream: the edge serves it, by `worker/event-stream.ts`. */
export type StreamRow<Input extends z.ZodObject> = EdgeRow<Input> & { stream: { example: string } }

/** The schema of a row's answer keeps its own type: the client reads it. */
export interface Answers<Schema extends z.ZodType> {
  output: Schema
}

/** Keeps a media row's types while checking its shape. */
export const mediaOperation = <Input extends z.ZodObject, Schema extends z.ZodType>(
  row: MediaRow<Input> & Answers<Schema>,
): MediaRow<Input> & Answers<Schema> => row

/** Keeps a link row's types while checking its shape. */
export const linkOperation = <Input extends z.ZodObject, Schema extends z.ZodType>(
  row: LinkRow<Input> & Answers<Schema>,
): LinkRow<Input> & Answers<Schema> => row

/** Keeps a stream row's types while checking its shape. */
export const streamOperation = <Input extends z.ZodObject, Schema extends z.ZodType>(
  row: StreamRow<Input> & Answers<Schema>,
): StreamRow<Input> & Answers<Schema> => row

/** Keeps a row's input and output types while checking its shape. */
export function operation<Input extends z.ZodObject, Output, Schema extends z.ZodType>(
  row: SessionRow<Input, Output> & Answers<Schema>,
): SessionRow<Input, Output> & Answers<Schema>
export function operation<Input extends z.ZodObject, Schema extends z.ZodType>(
  row: EdgeRow<Input> & Answers<Schema>,
): EdgeRow<Input> & Answers<Schema>
export function operation<Row>(row: Row): Row {
  return row
}
