import { type EventStep, eventSteps } from './event-steps.ts'
import { type MediaStep, mediaSteps } from './media-steps.ts'
import type { Operation } from './operations/define.ts'
import type { SessionPort } from './session-port.ts'

/** What the edge asks a session for in the course of an operation that it serves itself. */
export type Step<Input> = Pick<Operation, 'online' | 'reads' | 'creates' | 'respondsAsync'> & {
  /** Of the input, what an Idempotency-Key stands for; default: all of it. */
  standsFor?(input: Input): unknown
  /** Another step whose answer under the key makes this one needless. */
  recalls?: StepName
  run(session: SessionPort, input: Input): Promise<object>
}
export type StepName = MediaStep | EventStep

const steps: Record<StepName, Step<never>> = { ...mediaSteps, ...eventSteps }

/** The step behind a name that came over RPC. */
export const findStep = (name: string): Step<never> | undefined =>
  Object.hasOwn(steps, name) ? steps[name as StepName] : undefined
