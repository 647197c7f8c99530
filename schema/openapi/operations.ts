import type { Operation } from '../operations/index.ts'
import { type ErrorResponses, errorsOf } from './errors.ts'
import type { Json, Schemas } from './json-schema.ts'

/** `/admin/users/:id` as OpenAPI writes it. */
export const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}')

/** The first segment of a path groups the operations. */
export const tagOf = (path: string): string => path.split('/')[1] ?? ''

/** Where the fields of a row's input go: a request without a body has the rest in its query. */
export const placeOf = (row: Operation, field: string): 'path' | 'query' | 'body' => {
  if (row.path.split('/').includes(`:${field}`)) return 'path'
  return row.method === 'GET' || row.method === 'DELETE' ? 'query' : 'body'
}

const security = {
  public: [],
  admin: [{ adminToken: [] }, { adminBearer: [] }],
  tenant: [{ tenantToken: [] }, { tenantBearer: [] }],
} as const satisfies Record<Operation['scope'], Json[]>

/** Renders rows of the table; what they share ends up in the two collections. */
export class OperationRenderer {
  readonly #schemas: Schemas
  readonly #errors: ErrorResponses

  constructor(schemas: Schemas, errors: ErrorResponses) {
    this.#schemas = schemas
    this.#errors = errors
  }

  render(name: string, row: Operation): Json {
    const input = this.#schemas.render(row.input, 'input')
    const fields = (input.properties ?? {}) as Record<string, Json>
    const required = (input.required ?? []) as string[]
    const of = (place: string) =>
      Object.entries(fields).filter(([field]) => placeOf(row, field) === place)
    const parameter = (place: string) => (entry: [string, Json]) =>
      parameterOf(row, entry, { in: place, required: required.includes(entry[0]) })
    const parameters = [
      ...of('path').map(parameter('path')),
      ...of('query').map(parameter('query')),
      ...(row.creates ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
      ...(row.respondsAsync ? [{ $ref: '#/components/parameters/PreferAsync' }] : []),
      ...(row.stream ? [{ $ref: '#/components/parameters/LastEventId' }] : []),
    ]
    const body = of('body')
    return {
      operationId: name,
      tags: [tagOf(row.path)],
      summary: row.summary,
      ...(row.description === undefined ? {} : { description: row.description }),
      security: security[row.scope],
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(body.length === 0 ? {} : { requestBody: bodyOf(row, body, required) }),
      responses: {
        200: this.#success(row),
        ...(row.respondsAsync ? { 202: { $ref: '#/components/responses/Accepted' } } : {}),
        ...this.#errors.render(errorsOf(row)),
      },
    }
  }

  #success(row: Operation): Json {
    const example = row.example && { success: true, ...row.example.output }
    return {
      description: 'Success',
      headers: {
        'Request-Id': { $ref: '#/components/headers/RequestId' },
        ...(row.creates
          ? { 'Idempotent-Replayed': { $ref: '#/components/headers/IdempotentReplayed' } }
          : {}),
      },
      content: {
        // A GET of content is for players and browsers, which ask for no JSON; a stream has none.
        ...(answersBytes(row) || row.stream !== undefined
          ? {}
          : {
              'application/json': {
                schema: withSuccess(this.#schemas.render(row.output, 'output')),
                ...(example === undefined ? {} : { example }),
              },
            }),
        ...(row.media === 'out' || row.media === 'link'
          ? { 'application/octet-stream': { schema: {} } }
          : {}),
        ...(row.stream === undefined
          ? {}
          : {
              'text/event-stream': { schema: { type: 'string' }, example: row.stream.example },
            }),
      },
    }
  }
}

/** Whether a row answers content and never JSON. */
export const answersBytes = (row: Operation): boolean =>
  row.media === 'link' || (row.media === 'out' && row.method === 'GET')

const parameterOf = (
  row: Operation,
  [name, { description, ...schema }]: [string, Json],
  place: { in: string; required: boolean },
): Json => {
  const example = row.example.input[name]
  return {
    name,
    ...place,
    ...(description === undefined ? {} : { description }),
    schema,
    ...(example === undefined ? {} : { example }),
  }
}

const bodyOf = (row: Operation, body: [string, Json][], allRequired: string[]): Json => {
  const properties = Object.fromEntries(body)
  const required = allRequired.filter((name) => Object.hasOwn(properties, name))
  const example =
    row.example &&
    Object.fromEntries(
      Object.entries(row.example.input).filter(([name]) => Object.hasOwn(properties, name)),
    )
  return {
    required: required.length > 0,
    content: {
      'application/json': {
        schema: { type: 'object', properties, ...(required.length === 0 ? {} : { required }) },
        ...(example === undefined ? {} : { example }),
      },
      ...(row.media === 'in' ? contentForms(properties, required) : {}),
    },
  }
}

/** The forms in which content itself may be the body. */
const contentForms = (properties: Json, required: string[]): Json => ({
  'multipart/form-data': {
    schema: {
      type: 'object',
      properties: { ...properties, file: { contentMediaType: 'application/octet-stream' } },
      required: [...required, 'file'],
    },
  },
  'application/octet-stream': { schema: {} },
})

const success: Json = { type: 'boolean', const: true }

/** A row's output as the edge sends it: flat, beside `success: true`. */
const withSuccess = (output: Json): Json => {
  if (output.type !== 'object' || output.$ref !== undefined) {
    return {
      allOf: [{ type: 'object', properties: { success }, required: ['success'] }, output],
    }
  }
  const { properties = {}, required = [], ...rest } = output
  return {
    ...rest,
    properties: { success, ...(properties as Json) },
    required: ['success', ...(required as string[])],
  }
}
