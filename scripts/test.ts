/** `npm test`: everything. Arguments go to vitest. */
import { runSteps, statics } from './steps.ts'

/** The crash tests wait out real deadlines; a slow machine may need several times what ours does. */
const TESTS_TIMEOUT_MS = 45 * 60_000

runSteps(
  'test',
  [...statics, ['tests', 'vitest', 'run', ...process.argv.slice(2)]],
  TESTS_TIMEOUT_MS,
)
