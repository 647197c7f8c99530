import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { expect, inject } from 'vitest'
import { operationIdOf } from './described.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder in which the processes of a run note what they exercised. */
    exercised: string
  }
}

const noted = new Set<string>()

/** Notes that an operation succeeded against real parts. */
export const noteSuccess = (method: string, url: string): void => {
  const folder = inject('exercised')
  // The generated tests look at answers alone, not at what came of them.
  if (expect.getState().testPath?.includes('/test/contract/')) return
  const name = operationIdOf(method, new URL(url).pathname)
  if (folder === undefined || name === undefined || noted.has(name)) return
  noted.add(name)
  appendFileSync(path.join(folder, String(process.pid)), `${name}\n`)
}
