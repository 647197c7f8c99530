/**
 * Which of the session processes of a self-hosted gateway has a session.
 * @param objectId id of its Durable Object, 64 hex digits that are spread evenly
 * @param count session processes; the answer is below it
 */
export const placeOf = (objectId: string, count: number): number =>
  Number.parseInt(objectId.slice(0, 8), 16) % count
