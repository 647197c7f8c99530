import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../connector/storage/object-store.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (body: ReadableStream<Uint8Array> | undefined): Promise<string> =>
  new Response(body as BodyInit | undefined).text()

/** What every store for media and archives must do; run over each of them. */
export const describeObjectStore = (
  name: string,
  open: () => Promise<{ store: ObjectStore; close?(): Promise<void> }>,
): void => {
  describe(`${name} as an object store`, () => {
    let opened: Awaited<ReturnType<typeof open>>
    let store: ObjectStore
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened.close?.())
    const prefix = () => `test/${crypto.randomUUID()}/`

    it('[OS1] gives back the bytes and what they are, under a key in any language', async () => {
      const key = `${prefix()}чат +100%/файл (1)'*.txt`
      await store.put(key, bytes('Привет'), { contentType: 'text/plain', fileName: 'Отчёт.txt' })
      const object = await store.get(key)
      const facts = { size: 12, contentType: 'text/plain', fileName: 'Отчёт.txt' }
      expect(object).toMatchObject(facts)
      expect(await textOf(object?.body)).toBe('Привет')
      expect(await store.head(key)).toMatchObject(facts)
    })

    it('[OS2] takes a stream of known length, and refuses one of unknown length', async () => {
      const key = `${prefix()}stream`
      const chunk = new Uint8Array(64 * 1024).fill(7)
      const stream = () =>
        new ReadableStream<Uint8Array>({
          start: (controller) => {
            for (let n = 0; n < 16; n += 1) controller.enqueue(chunk)
            controller.close()
          },
        })
      await store.put(key, stream(), { contentType: 'video/mp4', size: 16 * chunk.length })
      expect((await store.head(key))?.size).toBe(16 * chunk.length)
      const refused = await store.put(key, stream(), { contentType: 'video/mp4' }).catch((e) => e)
      expect(refused).toMatchObject({ name: 'StorageError', code: 'MissingContentLength' })
    })

    it('[OS3] replaces what is under the same key', async () => {
      const key = `${prefix()}same`
      await store.put(key, bytes('one'), { contentType: 'text/plain' })
      await store.put(key, bytes('two'), { contentType: 'text/plain' })
      expect(await textOf((await store.get(key))?.body)).toBe('two')
    })

    it('[OS4] gives a part, and tells the size of the whole', async () => {
      const key = `${prefix()}part`
      await store.put(key, bytes('0123456789'), { contentType: 'text/plain' })
      const middle = await store.get(key, { first: 2, last: 4 })
      expect([await textOf(middle?.body), middle?.size]).toEqual(['234', 10])
      expect(await textOf((await store.get(key, { first: 7 }))?.body)).toBe('789')
    })

    it('[OS5] knows nothing of what is not there', async () => {
      const key = `${prefix()}missing`
      expect(await store.get(key)).toBeUndefined()
      expect(await store.head(key)).toBeUndefined()
      await store.delete([key])
    })

    it('[OS6] lists by prefix in pages, and deletes for good', async () => {
      const folder = prefix()
      const keys = ['a b', 'c+d&e', 'е', 'f/g', 'h'].map((name) => `${folder}${name}`)
      for (const key of keys) await store.put(key, bytes(key), { contentType: 'text/plain' })
      const listed = async (): Promise<string[]> => {
        const found: string[] = []
        let cursor: string | undefined
        do {
          const page = await store.list(folder, cursor)
          found.push(...page.objects.map(({ key }) => key))
          cursor = page.cursor
        } while (cursor !== undefined)
        return found.sort()
      }
      expect(await listed()).toEqual([...keys].sort())
      await store.delete(keys.slice(1))
      expect(await listed()).toEqual([`${folder}a b`])
    })
  })
}
