import type { Operation, OperationName } from '../schema/operations/index.ts'

/** Text of `client/routes.ts`: what the client has to know at run time, without the schemas. */
export const renderRoutes = (operations: Record<OperationName, Operation>): string => {
  const lines = Object.entries(operations).map(([name, row]) => {
    const facts = [
      `method: '${row.method}'`,
      `path: '${row.path}'`,
      ...(row.method === 'GET' || row.reads ? ['reads: true'] : []),
      ...(row.creates ? ['creates: true'] : []),
      ...(row.scope === 'admin' ? ['admin: true'] : []),
    ]
    const line = `  ${name}: { ${facts.join(', ')} },`
    return line.length <= 100 ? line : `  ${name}: {\n    ${facts.join(',\n    ')},\n  },`
  })
  return `// Made from the table of operations by \`npm run docs\`.
import type { OperationName } from '../schema/operations/index.ts'

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  /** Changes nothing: asking again is safe. */
  reads?: true
  /** Takes an \`Idempotency-Key\`. */
  creates?: true
  /** Wants the admin token. */
  admin?: true
}

export const routes: Record<OperationName, Route> = {
${lines.join('\n')}
}
`
}
