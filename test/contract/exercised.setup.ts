import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { operations } from '../../schema/operations/index.ts'

/**
 * After a run of all tests: every operation must have succeeded somewhere, against real sessions and the
 * sandbox. A row that is added without such a test fails the run.
 */
export default (project: TestProject) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'maxapi-exercised-'))
  project.provide('exercised', folder)
  return async (): Promise<void> => {
    const noted = readdirSync(folder).flatMap((file) =>
      readFileSync(path.join(folder, file), 'utf8').split('\n'),
    )
    rmSync(folder, { recursive: true })
    const ran = new Set(project.vitest.state.getFiles().map(({ filepath }) => filepath))
    const { testFiles } = await project.globTestFiles()
    const isWhole = testFiles.every((file) => ran.has(file)) && !project.config.testNamePattern
    if (!isWhole) return
    const missing = Object.keys(operations).filter((name) => !noted.includes(name))
    if (missing.length > 0) throw new Error(`no test has these succeed: ${missing.join(', ')}`)
  }
}
