import {
  type FaultKind,
  type MediaFaultKind,
  mediaFaultKinds,
} from '../schema/operations/sandbox.ts'

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

const ofMedia: ReadonlySet<FaultKind> = new Set(mediaFaultKinds)

/** Where armed faults outlive the host's sleep. */
export interface FaultStore {
  load(): ScriptedFault[]
  save(waiting: readonly ScriptedFault[]): void
}

/** Faults that wait for the answers they will spoil, each for `count` of them. */
export class FaultScript {
  readonly #store: FaultStore
  #waiting: ScriptedFault[]

  constructor(store: FaultStore) {
    this.#store = store
    this.#waiting = store.load()
  }

  add(fault: ScriptedFault): void {
    this.#keep([...this.#waiting, { ...fault }])
  }

  clear(): void {
    this.#keep([])
  }

  /** The fate of the answer to `opcode`; uses up one count of the first fault that fits. */
  next(opcode: number, userId: number | undefined): Verdict {
    const fault = this.#waiting.find(
      (waiting) =>
        !ofMedia.has(waiting.kind) &&
        (waiting.opcode === undefined || waiting.opcode === opcode) &&
        (waiting.userId === undefined || waiting.userId === userId),
    )
    if (!fault) return answer
    this.#useUp(fault)
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

  /** A fault of this kind that waits for the upload or download at hand; uses up one count of it. */
  take(kind: MediaFaultKind, userId: number): ScriptedFault | undefined {
    const fault = this.#waiting.find(
      (waiting) =>
        waiting.kind === kind && (waiting.userId === undefined || waiting.userId === userId),
    )
    if (fault) this.#useUp(fault)
    return fault
  }

  #useUp(fault: ScriptedFault): void {
    fault.count -= 1
    this.#keep(this.#waiting.filter((waiting) => waiting.count > 0))
  }

  #keep(waiting: ScriptedFault[]): void {
    this.#waiting = waiting
    this.#store.save(waiting)
  }
}
