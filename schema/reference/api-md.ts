import { errors } from '../errors.ts'
import type { OpenApi } from '../openapi/document.ts'
import type { Json } from '../openapi/json-schema.ts'
import { generations } from './generations.ts'
import { guide } from './guide.ts'
import { cell, nameOfRef, typeText } from './type-text.ts'

const methods = ['get', 'post', 'put', 'delete']

interface Entry {
  method: string
  path: string
  operation: Json
}

/** Operations of a document in its own order. */
export const entriesOf = (document: OpenApi): Entry[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method]
      return operation === undefined ? [] : [{ method: method.toUpperCase(), path, operation }]
    }),
  )

/** The whole reference as Markdown. */
export const renderApiMd = (document: OpenApi): string => {
  const entries = entriesOf(document)
  const tagged = document.tags
    .map((tag) => ({
      ...tag,
      entries: entries.filter(({ operation }) => hasTag(operation, tag.name)),
    }))
    .filter((tag) => tag.entries.length > 0)
  return `${[
    '# API',
    'Made from the tables of operations, errors and events by `npm run docs`. The same for machines: `/openapi.json`.',
    guide.trimEnd(),
    '## Where generations disagree',
    table(
      ['', 'the original', 'here'],
      generations.map(({ topic, theirs, ours }) => [topic, theirs, ours]),
    ),
    '## Errors',
    errorSection(),
    '## Operations',
    table(
      ['', ''],
      tagged.map(({ name, description }) => [`[${name}](#${name})`, description]),
    ),
    ...tagged.flatMap(({ name, description, entries: own }) => [
      `## ${name}`,
      description,
      ...own.flatMap((entry) => operationSection(document, entry)),
    ]),
    '## Events',
    ...eventSections(document),
    '## Models',
    ...modelSections(document),
  ].join('\n\n')}\n`
}

const hasTag = (operation: Json, name: string): boolean =>
  Array.isArray(operation.tags) && operation.tags.includes(name)

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '--'), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')

const json = (value: unknown): string => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``

const code = (text: string): string => `\`\`\`\n${text.trimEnd()}\n\`\`\``

const errorSection = (): string =>
  [
    '`{"success":false,"error":"text for a person","code":"STABLE_CODE","requestId":"…"}`, with `field` when one field is to blame, `maxError` with the words of MAX itself, and `retryAfterMs` (and the header `Retry-After`) when it is known. With `Accept: application/problem+json` the same comes as RFC 9457.',
    table(
      ['code', 'status', 'repeat?', ''],
      Object.entries(errors).map(([code, { status, retry, meaning }]) => [
        `\`${code}\``,
        String(status),
        retry ? 'yes' : 'no',
        meaning,
      ]),
    ),
  ].join('\n\n')

const scopeText = (operation: Json): string => {
  const [first] = operation.security as Json[]
  if (first === undefined) return 'no token'
  return 'adminToken' in first ? 'admin token' : "tenant's token"
}

const operationSection = (document: OpenApi, { method, path, operation }: Entry): string[] => {
  const body = contentOf(operation.requestBody)
  const responses = operation.responses as Record<string, Json>
  const answer = contentOf(responses[200])
  const stream = contentOf(responses[200], 'text/event-stream')
  const fields = fieldRows(document, operation, body)
  const codes = Object.values(responses).flatMap((response) => codesOf(response))
  return [
    `### ${method} ${path}`,
    `**${operation.summary}** (\`${operation.operationId}\`, ${scopeText(operation)})`,
    ...(operation.description === undefined ? [] : [String(operation.description)]),
    ...(fields.length === 0 ? [] : [table(['field', 'type', ''], fields)]),
    ...(body?.example === undefined ? [] : [json(body.example)]),
    ...(answer?.example === undefined ? [] : ['Answer:', json(answer.example)]),
    ...(stream?.example === undefined ? [] : ['Answer:', code(String(stream.example))]),
    `Errors: ${codes.map((code) => `\`${code}\``).join(', ')}`,
  ]
}

const contentOf = (holder: unknown, type = 'application/json'): Json | undefined =>
  ((holder as Json | undefined)?.content as Record<string, Json> | undefined)?.[type]

/** The codes in the name of a shared error response: `400.INVALID_INPUT.INVALID_JSON`. */
const codesOf = (response: Json): string[] =>
  response.$ref === undefined
    ? []
    : (String(response.$ref).split('/').at(-1)?.split('.').slice(1) ?? [])

const fieldRows = (document: OpenApi, operation: Json, body: Json | undefined): string[][] => {
  const parameters = ((operation.parameters ?? []) as Json[]).map((parameter) =>
    parameter.$ref === undefined
      ? parameter
      : ((document.components.parameters as Record<string, Json>)[nameOfRef(parameter.$ref)] ?? {}),
  )
  const schema = (body?.schema ?? {}) as Json
  const required = (schema.required ?? []) as string[]
  return [
    ...parameters.map((parameter) =>
      fieldRow(`${parameter.name} (${parameter.in})`, parameter.schema as Json, {
        required: parameter.required === true,
        description: parameter.description,
      }),
    ),
    ...Object.entries((schema.properties ?? {}) as Record<string, Json>).map(([name, field]) =>
      fieldRow(name, field, { required: required.includes(name), description: field.description }),
    ),
  ]
}

const fieldRow = (
  name: string,
  schema: Json,
  { required, description }: { required: boolean; description: unknown },
): string[] => [
  `\`${name.split(' ')[0]}\`${name.includes(' ') ? name.slice(name.indexOf(' ')) : ''}${required ? ', required' : ''}`,
  typeText(schema),
  [
    ...(description === undefined ? [] : [String(description)]),
    ...(schema.default === undefined ? [] : [`Default: \`${JSON.stringify(schema.default)}\``]),
  ].join('. '),
]

const eventSections = (document: OpenApi): string[] =>
  Object.entries(document.webhooks as Record<string, { post: Json }>).flatMap(
    ([name, { post }]) => [
      `### ${name}`,
      `**${post.summary}**`,
      ...(post.description === undefined ? [] : [String(post.description)]),
      json(contentOf(post.requestBody)?.example),
    ],
  )

const modelSections = (document: OpenApi): string[] =>
  Object.entries(document.components.schemas as Record<string, Json>).flatMap(([name, schema]) => [
    `### ${name}`,
    ...(schema.description === undefined ? [] : [String(schema.description)]),
    ...(schema.properties === undefined
      ? [typeText(schema)]
      : [table(['field', 'type', ''], modelRows(schema))]),
  ])

const modelRows = (schema: Json): string[][] => {
  const required = (schema.required ?? []) as string[]
  return Object.entries(schema.properties as Record<string, Json>).map(([name, field]) => [
    `\`${name}\`${required.includes(name) ? '' : '?'}`,
    typeText(field),
    field.description === undefined ? '' : String(field.description),
  ])
}
