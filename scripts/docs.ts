/** `npm run docs`: writes what is made from the tables: API.md and the routes of the client. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { renderRoutes } from '../client/render-routes.ts'
import { version } from '../host/start.ts'
import { openApiDocument } from '../schema/openapi/document.ts'
import { type Operation, type OperationName, operations } from '../schema/operations/index.ts'
import { renderApiMd } from '../schema/reference/api-md.ts'

const root = path.dirname(import.meta.dirname)
const write = (file: string, text: string) => writeFileSync(path.join(root, file), text)

write('API.md', renderApiMd(openApiDocument(version)))
write('client/routes.ts', renderRoutes(operations as Record<OperationName, Operation>))
