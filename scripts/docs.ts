/** `npm run docs`: writes API.md anew from the tables. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { version } from '../host/start.ts'
import { openApiDocument } from '../schema/openapi/document.ts'
import { renderApiMd } from '../schema/reference/api-md.ts'

const file = path.join(path.dirname(import.meta.dirname), 'API.md')
writeFileSync(file, renderApiMd(openApiDocument(version)))
