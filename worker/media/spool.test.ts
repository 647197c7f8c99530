import { describe, expect, it } from 'vitest'
import { content, hashOf } from '../../test/support/content.ts'
import { MemoryBucket } from '../../test/support/memory-bucket.ts'
import { ByteBudget } from './budget.ts'
import { flowOf, flowOfBytes } from './flow.ts'
import { PART_BYTES, spool, sweepSpool } from './spool.ts'

const create = () => {
  const bucket = new MemoryBucket()
  const deps = { bucket: bucket.r2, budget: new ByteBudget(48 * 1024 * 1024) }
  return { bucket, deps, r2: deps.bucket }
}
const file = { name: undefined, maxBytes: 4 * PART_BYTES }

describe('spool', () => {
  it.each([
    0,
    1,
    PART_BYTES - 1,
    PART_BYTES,
    PART_BYTES + 1,
    2 * PART_BYTES,
    3 * PART_BYTES + 7,
  ])('gives back %i bytes, as often as they are asked for, and leaves nothing', async (size) => {
    const { deps, bucket } = create()
    const bytes = content('bytes', size)
    const source = await spool(deps, flowOfBytes(bytes), file)
    expect(bucket.objects.size).toBe(size > PART_BYTES ? 1 : 0)
    for (const _ of [1, 2]) {
      const opened = await source.open()
      const hash = hashOf(piecesOf(opened.flow))
      expect([opened.sizeBytes, await hash]).toEqual([size, await hashOf([bytes])])
    }
    await source.release()
    expect([bucket.objects.size, bucket.openUploads]).toEqual([0, 0])
    // All of it was given back.
    await deps.budget.take(48 * 1024 * 1024)
  })

  it('leaves nothing when the content is too large or breaks off', async () => {
    const { deps, bucket } = create()
    const large = flowOfBytes(content('bytes', 4 * PART_BYTES + 1))
    await expect(spool(deps, large, file)).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' })
    let pieces = 0
    const breaking = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pieces += 1
        if (pieces > 7) controller.error(new Error('cut'))
        else controller.enqueue(new Uint8Array(1024 * 1024))
      },
    })
    await expect(spool(deps, flowOf(breaking), file)).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
    })
    expect([bucket.objects.size, bucket.openUploads]).toEqual([0, 0])
    await deps.budget.take(48 * 1024 * 1024)
  })

  it('forgets after a day what a crash left, and nothing else', async () => {
    const { bucket, r2 } = create()
    await bucket.put('spool/old', new Uint8Array(1))
    await bucket.put('users/1/inbox/photo.jpg', new Uint8Array(1))
    await sweepSpool(r2, Date.now())
    expect(bucket.objects.size).toBe(2)
    await sweepSpool(r2, Date.now() + 25 * 3_600_000)
    expect([...bucket.objects.keys()]).toEqual(['users/1/inbox/photo.jpg'])
  })
})

async function* piecesOf(flow: { pull(): Promise<Uint8Array | undefined> }) {
  for (let piece = await flow.pull(); piece !== undefined; piece = await flow.pull()) yield piece
}
