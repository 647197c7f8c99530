import { createConfig, lintFromString } from '@redocly/openapi-core'
import { describe, expect, it } from 'vitest'
import { document, faultsOf, validatorAt } from '../../test/contract/described.ts'
import { events } from '../events.ts'
import { type Operation, operations } from '../operations/index.ts'
import { openApiDocument } from './document.ts'
import { answersBytes, placeOf, templateOf } from './operations.ts'

describe('the OpenAPI document', () => {
  it('passes the linter without an error or a warning', async () => {
    const config = await createConfig({
      extends: ['recommended'],
      rules: {
        // `GET /health` takes nothing that could be wrong.
        'operation-4xx-response': 'off',
        // What MAX sends is passed on with fields that we do not name.
        'no-invalid-media-type-examples': { severity: 'error', allowAdditionalProperties: true },
      },
    })
    const source = JSON.stringify(document)
    const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config })
    const lines = problems.map(({ ruleId, message, location }) =>
      [ruleId, message, location[0]?.pointer].join(' '),
    )
    expect(lines).toEqual([])
  })

  it('is the same text every time', () => {
    expect(JSON.stringify(openApiDocument('1'))).toBe(JSON.stringify(openApiDocument('1')))
  })
})

describe('the webhooks of the document', () => {
  const names = Object.keys(events)

  it('are the events of the table', () => {
    expect(Object.keys(document.webhooks)).toEqual(names)
  })

  it.each(names)('show what %s looks like', (name) => {
    const place = ['webhooks', name, 'post', 'requestBody', 'content', 'application/json']
    const { example } = valueAt(document, place) as { example: object }
    expect(example).toMatchObject({ type: name })
    expect(faultsOf(validatorAt(...place, 'schema'), example)).toEqual([])
  })
})

const valueAt = (value: unknown, [key, ...rest]: string[]): unknown =>
  key === undefined ? value : valueAt((value as Record<string, unknown>)[key], rest)

const rows = Object.entries(operations) as [string, Operation][]

describe.each(rows)('the document on %s', (name, row) => {
  const path = templateOf(row.path)
  const method = row.method.toLowerCase()
  const place = ['paths', path, method]
  const described = document.paths[path]?.[method]

  it('has it under its path and method', () => {
    expect(described).toMatchObject({ operationId: name, summary: row.summary })
  })

  it('gives examples that fit what it says', () => {
    if (row.example === undefined) return
    const body = Object.fromEntries(
      Object.entries(row.example.input).filter(([field]) => placeOf(row, field) === 'body'),
    )
    const json = ['content', 'application/json', 'schema']
    if (described?.requestBody !== undefined) {
      expect(faultsOf(validatorAt(...place, 'requestBody', ...json), body)).toEqual([])
    }
    // A GET of content answers no JSON, and neither does a stream.
    if (answersBytes(row) || row.stream !== undefined) return
    const answer = { success: true, ...row.example.output }
    expect(faultsOf(validatorAt(...place, 'responses', '200', ...json), answer)).toEqual([])
  })
})
