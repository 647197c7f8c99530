import { setImmediate as turn } from 'node:timers/promises'
import { samples } from '../../sandbox/media/samples.ts'
import type { MediaKind } from '../../schema/media.ts'
import type { StorageChange } from '../../schema/storage-settings.ts'
import type { WireMap } from '../../schema/wire.ts'
import { meet } from './away.ts'
import type { EventBody } from './live.ts'

/** A tenant whose friend sends files. */
export const receive = async (
  options: Parameters<typeof meet>[0] = {},
  storage: StorageChange = {},
) => {
  const stage = await meet(options)
  const { sim, me, friend, clock, logged } = stage
  await stage.live.storage.save(storage)

  /** Content that the friend has uploaded. */
  const upload = (kind: MediaKind, bytes = samples[kind].bytes(), name = samples[kind].name) => {
    const { upload: as, facts } = samples[kind]
    return sim.media.place(friend.id, { kind: as, name, bytes, facts })
  }
  /** Lets the friend write a message with it. */
  const send = (attaches: WireMap[], text = '') =>
    sim.direct.incoming({ to: me.id, from: friend.id, text, attaches })
  const ready = (): EventBody[] => logged().filter(({ type }) => type === 'FileReady')
  /** Lets real work come to its end; the clock moves by no more than the pace of requests. */
  const until = async (fits: () => boolean): Promise<void> => {
    while (!fits()) {
      await clock.advance(10)
      await turn()
    }
  }
  /** The `count` first ones. */
  const files = async (count = 1): Promise<EventBody[]> => {
    await until(() => ready().length >= count)
    return ready()
  }
  /** For what must not happen: long enough for everything that could. */
  const rest = async (): Promise<void> => {
    for (let turns = 0; turns < 200; turns += 1) {
      await clock.advance(10)
      await turn()
    }
  }
  const waiting = (): number =>
    Number(stage.sql.all('SELECT count(*) AS n FROM incoming_media')[0]?.n)
  return { ...stage, upload, send, ready, until, files, rest, waiting }
}
