import type { FaultKind } from '../schema/operations/sandbox.ts'

/** A scripted failure. Without `userId` it meets everybody. */
export interface ScriptedFault {
  kind: FaultKind
  userId?: number
  opcode?: number
  code: string
  delayMs: number
  count: number
}

/** What becomes of one answer. */
export type Verdict =
  | { kind: 'answer' }
  /** Done, but the answer is lost: the client cannot know. */
  | { kind: 'hang' | 'drop' | 'garbage' }
  | { kind: 'slow'; delayMs: number }
  /** Not done. */
  | { kind: 'error'; code: string }

const answer: Verdict = { kind: 'answer' }

/** Faults that wait for the answers they will spoil, each for `count` of them. */
export class FaultScript {
  #waiting: ScriptedFault[] = []

  add(fault: ScriptedFault): void {
    this.#waiting.push({ ...fault })
  }

  clear(): void {
    this.#waiting = []
  }

  /** The fate of the answer to `opcode`; uses up one count of the first fault that fits. */
  next(opcode: number, userId: number | undefined): Verdict {
    const fault = this.#waiting.find(
      (waiting) =>
        (waiting.opcode === undefined || waiting.opcode === opcode) &&
        (waiting.userId === undefined || waiting.userId === userId),
    )
    if (!fault) return answer
    fault.count -= 1
    if (fault.count <= 0) this.#waiting = this.#waiting.filter((waiting) => waiting !== fault)
    switch (fault.kind) {
      case 'slow':
        return { kind: 'slow', delayMs: fault.delayMs }
      case 'error':
        return { kind: 'error', code: fault.code }
      case 'hang':
      case 'drop':
      case 'garbage':
        return { kind: fault.kind }
      default:
        return answer
    }
  }
}
