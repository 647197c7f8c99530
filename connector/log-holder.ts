import type { DeliveryStore } from './delivery-store.ts'
import type { Holder } from './retention.ts'
import type { Target } from './target.ts'

/** What a destination needs of the log. */
export const holderOf = (target: Target, store: DeliveryStore): Holder => {
  const { destination, lanes } = target
  const { id } = destination
  /** Wanted events behind the lanes' places, up to one. */
  const wanted = (through: number): number =>
    lanes
      .flatMap(({ lane, sequence }) => store.kindsBetween(lane, sequence, through))
      .filter((kind) => destination.wants(kind))
      .reduce((sum, { count }) => sum + count, 0)
  return {
    id,
    needs: () => {
      const firsts = lanes.flatMap((lane) => {
        // Looking passes over what is not wanted.
        const first = lane.at(0)?.sequence ?? []
        if (destination.paused || lane.retryAt > 0) lane.forget()
        return first
      })
      const again = store.firstRedelivery(id)
      if (again !== undefined) firsts.push(again)
      return firsts.length === 0 ? undefined : Math.min(...firsts)
    },
    pending: () => wanted(Number.MAX_SAFE_INTEGER) + store.redeliveries(id).count,
    giveUp: (through) => {
      const dropped = wanted(through) + store.dropRedeliveries(id, through)
      for (const lane of lanes) if (lane.sequence < through) lane.advance(through)
      target.redeliver()
      return dropped
    },
  }
}
