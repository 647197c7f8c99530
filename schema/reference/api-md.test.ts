import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { version } from '../../host/start.ts'
import { openApiDocument } from '../openapi/document.ts'
import { renderApiMd } from './api-md.ts'

const root = path.dirname(path.dirname(import.meta.dirname))

it('API.md is what the tables say; `npm run docs` writes it anew', () => {
  const written = readFileSync(path.join(root, 'API.md'), 'utf8')
  expect(written === renderApiMd(openApiDocument(version))).toBe(true)
})
