/** `npm run check`: what to run before every commit. Stops at the first step that fails. */
import { runSteps, statics } from './steps.ts'

runSteps('check', [
  ...statics,
  ['unit tests', 'vitest', 'run', '--project', 'unit', '--reporter', 'dot'],
])
