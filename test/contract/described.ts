import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { openApiDocument } from '../../schema/openapi/document.ts'

/** The document that the answers of this checkout have to be true to. */
export const document = openApiDocument('0.0.0')

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addSchema(document, 'openapi')

/** The validator of one place in the document. */
export const validatorAt = (...pointer: string[]): ValidateFunction => {
  const steps = pointer.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1'))
  const $ref = `openapi#/${steps.map(encodeURIComponent).join('/')}`
  return ajv.getSchema($ref) ?? ajv.compile({ $ref })
}

/** What a validator has to say against a value; empty when it fits. */
export const faultsOf = (validate: ValidateFunction, value: unknown): string[] =>
  validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message, params }) =>
        [instancePath || '/', message, JSON.stringify(params)].join(' '),
      )

interface Answered {
  method: string
  /** With or without a query. */
  path: string
  status: number
  headers: Headers
  text: string
}

const templates = Object.entries(document.paths).map(([template, methods]) => ({
  template,
  methods,
  pattern: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`),
}))

/** The operation of the document that a request means; the literal path wins over a template. */
const operationOf = (method: string, path: string) => {
  const [bare = ''] = path.split('?')
  const found = templates
    .filter(({ pattern }) => pattern.test(bare))
    .sort((a, b) => a.template.split('{').length - b.template.split('{').length)[0]
  const key = (method === 'HEAD' ? 'GET' : method).toLowerCase()
  return found?.methods[key] === undefined ? undefined : ([found.template, key] as const)
}

/** The name of the operation that a request means. */
export const operationIdOf = (method: string, path: string): string | undefined => {
  const found = operationOf(method, path)
  return found && String(document.paths[found[0]]?.[found[1]]?.operationId)
}

/**
 * Checks a real answer against the document.
 * @throws {Error} when the status, the type or the body is not what the document promises.
 */
export const expectDescribed = ({ method, path, status, headers, text }: Answered): void => {
  const type = headers.get('content-type')
  if (text === '' || type === null || !/^application\/(problem\+)?json$/.test(type)) return
  const operation = operationOf(method, path)
  const fail = (faults: string[]): never => {
    throw new Error(`${method} ${path} answered ${status} beside the document:
${faults.map((fault) => `- ${fault}`).join('\n')}
${text.slice(0, 1_000)}`)
  }
  if (operation === undefined) {
    if (status < 400) return
    const schema = type === 'application/json' ? 'Error' : 'Problem'
    const faults = faultsOf(validatorAt('components', 'schemas', schema), JSON.parse(text))
    if (faults.length > 0) fail(faults)
    return
  }
  const [template, key] = operation
  const responses = document.paths[template]?.[key]?.responses as Record<string, { $ref?: string }>
  const response = responses[status]
  if (response === undefined) {
    return fail([`the status is not declared: name the code among the row's errors`])
  }
  const place = response.$ref?.slice(2).split('/') ?? [
    'paths',
    template,
    key,
    'responses',
    `${status}`,
  ]
  const faults = faultsOf(validatorAt(...place, 'content', type, 'schema'), JSON.parse(text))
  if (faults.length > 0) fail(faults)
}
