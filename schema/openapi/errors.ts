import { type ErrorCode, errors } from '../errors.ts'
import { maxErrors, type Operation } from '../operations/define.ts'
import type { Json } from './json-schema.ts'

const allCodes = Object.keys(errors) as ErrorCode[]

/** What a call on MAX can end with besides what a row names itself. */
const onlineErrors: readonly ErrorCode[] = [
  ...maxErrors,
  'NOT_CONNECTED',
  'BAD_UPSTREAM',
  'LOGIN_REQUIRED',
  'ACCOUNT_BLOCKED',
  'FORBIDDEN',
  'NOT_FOUND',
]

/** Every code that an operation can answer, in the order of the table of errors. */
export const errorsOf = (row: Operation): ErrorCode[] => {
  const codes = new Set<ErrorCode>(['INTERNAL_ERROR', ...(row.errors ?? [])])
  const add = (when: unknown, ...more: readonly ErrorCode[]): void => {
    if (when) for (const code of more) codes.add(code)
  }
  add(row.scope !== 'public', 'UNAUTHORIZED')
  add(row.scope === 'admin', 'TOO_MANY_ATTEMPTS')
  add(row.method !== 'GET', 'INVALID_INPUT', 'INVALID_JSON', 'BODY_TOO_LARGE')
  add(Object.keys(row.input.shape).length > 0, 'INVALID_INPUT')
  // An Idempotency-Key is looked at even where it is of no use.
  add(row.run !== undefined, 'INVALID_INPUT')
  add(row.online, ...onlineErrors)
  add(row.run !== undefined && row.method !== 'GET' && !row.reads, 'OUTCOME_UNKNOWN')
  add(row.creates, 'IN_PROGRESS', 'IDEMPOTENCY_MISMATCH')
  return allCodes.filter((code) => codes.has(code))
}

const MaxErrorSchema: Json = {
  type: 'object',
  description: 'The words of MAX itself, unchanged.',
  properties: {
    code: { type: 'string', examples: ['chat.denied'] },
    message: { type: 'string' },
    localizedMessage: { type: 'string' },
    title: { type: 'string' },
    description: { type: 'string' },
  },
}

const facts: Json = {
  code: { type: 'string', enum: allCodes, description: 'Stable; texts may change.' },
  requestId: { type: 'string', description: 'The same as the header `Request-Id`.' },
  field: { type: 'string', description: 'Path of the offending field, e.g. `userIds.0`.' },
  maxError: { $ref: '#/components/schemas/MaxError' },
  retryAfterMs: {
    type: 'number',
    description: 'When to try again, in milliseconds; the header `Retry-After` has it in seconds.',
  },
  details: { type: 'object', description: 'Further facts, e.g. the `link` of a captcha.' },
}

/** Schemas that all errors share. */
export const errorSchemas: Record<string, Json> = {
  MaxError: MaxErrorSchema,
  Error: {
    type: 'object',
    properties: {
      success: { type: 'boolean', const: false },
      error: { type: 'string', description: 'What is wrong, for a person.' },
      ...facts,
    },
    required: ['success', 'error', 'code', 'requestId'],
  },
  Problem: {
    type: 'object',
    description: 'RFC 9457; answered when `Accept` names `application/problem+json`.',
    properties: {
      type: { type: 'string', examples: ['urn:maxapi:error:NOT_CONNECTED'] },
      title: { type: 'string', description: 'The meaning of the code.' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What is wrong, for a person.' },
      ...facts,
    },
    required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  },
}

const REQUEST_ID = '2f6c1c0e-9a51-4e0b-8d52-6a3f5d1f7f10'

const exampleOf = (code: ErrorCode): Json => ({
  success: false,
  error: errors[code].meaning,
  code,
  requestId: REQUEST_ID,
  ...(code === 'INVALID_INPUT' ? { field: 'text', error: 'text is required' } : {}),
  ...(code === 'MAX_REFUSED'
    ? {
        error: 'MAX: You cannot write here',
        maxError: { code: 'chat.denied', message: 'You cannot write here' },
      }
    : {}),
  ...(code === 'RATE_LIMITED' ? { retryAfterMs: 60_000 } : {}),
})

const problemOf = (code: ErrorCode): Json => {
  const { success: _, error, ...rest } = exampleOf(code)
  const { status, meaning } = errors[code]
  return { type: `urn:maxapi:error:${code}`, title: meaning, status, detail: error, ...rest }
}

const contentOf = (
  schema: 'Error' | 'Problem',
  codes: ErrorCode[],
  example: (code: ErrorCode) => Json,
): Json => ({
  schema: {
    allOf: [
      { $ref: `#/components/schemas/${schema}` },
      { type: 'object', properties: { code: { enum: codes } } },
    ],
  },
  examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
})

/** The error responses of operations. Those of one status and the same codes are one component. */
export class ErrorResponses {
  readonly #responses = new Map<string, Json>()

  get components(): Json {
    return Object.fromEntries([...this.#responses].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** References by status. */
  render(codes: ErrorCode[]): Json {
    const byStatus = Map.groupBy(codes, (code) => errors[code].status)
    return Object.fromEntries(
      [...byStatus].map(([status, group]) => [status, this.#reference(status, group)]),
    )
  }

  #reference(status: number, codes: ErrorCode[]): Json {
    const name = [status, ...codes].join('.')
    if (!this.#responses.has(name)) this.#responses.set(name, responseOf(status, codes))
    return { $ref: `#/components/responses/${name}` }
  }
}

const responseOf = (status: number, codes: ErrorCode[]): Json => ({
  description: codes.map((code) => `\`${code}\`: ${errors[code].meaning}`).join('\n\n'),
  headers: {
    'Request-Id': { $ref: '#/components/headers/RequestId' },
    ...(status === 429 || status === 503
      ? { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }
      : {}),
  },
  content: {
    'application/json': contentOf('Error', codes, exampleOf),
    'application/problem+json': contentOf('Problem', codes, problemOf),
  },
})
