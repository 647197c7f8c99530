import type { OpenApi } from '../openapi/document.ts'
import { entriesOf } from './api-md.ts'

/** A short way in for language models, after llmstxt.org: what there is and where it is described. */
export const renderLlms = (document: OpenApi): string => {
  const operations = entriesOf(document).map(
    ({ method, path, operation }) => `- \`${method} ${path}\`: ${operation.summary}`,
  )
  return `# ${document.info.title}

> ${document.info.summary}.

${document.info.description}

## Documents

- [Reference](/llms-full.txt): every operation with its fields, an example and its errors; every event
- [OpenAPI 3.1](/openapi.json): the same for machines
- [Reference page](/docs): the same for people, with a form to try it

## Operations

${operations.join('\n')}
`
}
