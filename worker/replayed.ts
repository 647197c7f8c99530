/** What a request says beside its input, where the edge itself serves it. */
export interface OpenFacts {
  idempotencyKey?: string
}

/** An answer that an earlier request under the same Idempotency-Key got. */
export class Replayed {
  readonly answer: object

  constructor(answer: object) {
    this.answer = answer
  }
}
