import { once } from 'node:events'
import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { usageOf } from '../../bench/process-tree.ts'
import { type ContentKind, content, hashOf, pieces } from '../support/content.ts'
import type { Tenant } from '../support/gateway.ts'
import { type Stage, useWorld } from '../support/world.ts'

const MiB = 1024 * 1024
const sizes = [
  ['1 B', 1],
  ['1 MiB', MiB],
  ['50 MiB', 50 * MiB],
  ['200 MiB', 200 * MiB],
] as const

interface Answer {
  status: number
  body: Record<string, unknown>
}

/** A request whose body is a stream, with or without a length of its own. */
const post = async (
  { gateway, tenant }: Pick<Stage, 'gateway' | 'tenant'>,
  path: string,
  body: Iterable<Uint8Array>,
  headers: Record<string, string>,
): Promise<Answer> => {
  const request = httpRequest(gateway.url + path, {
    method: 'POST',
    headers: { token: tenant.token, ...headers },
  })
  const response = once(request, 'response')
  await pipeline(Readable.from(body), request)
  const [answer] = await response
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return { status: answer.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) }
}

const raw = (
  stage: Stage,
  kind: string,
  bytes: { kind: ContentKind; size: number },
  headers: Record<string, string> = {},
): Promise<Answer> =>
  post(
    stage,
    `/chat/send/${kind}?chatId=${stage.person.chatIds[0]}`,
    pieces(bytes.kind, bytes.size),
    {
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.size),
      'x-file-name': encodeURIComponent('Большой файл.bin'),
      ...headers,
    },
  )

/** Boundaries and headers of a form around one file. */
const asForm = function* (chatId: unknown, file: Iterable<Uint8Array>): Generator<Uint8Array> {
  const text = (lines: string): Uint8Array => new TextEncoder().encode(lines)
  yield text('--b\r\nContent-Disposition: form-data; name="file"; filename="Файл.bin"\r\n\r\n')
  yield* file
  yield text(
    `\r\n--b\r\nContent-Disposition: form-data; name="chatId"\r\n\r\n${chatId}\r\n--b--\r\n`,
  )
}

const download = async (
  { url }: { url: string },
  tenant: Tenant,
  place: object,
): Promise<{ status: number; hash: string }> => {
  const response = await fetch(`${url}/chat/downloaddocument`, {
    method: 'POST',
    headers: { token: tenant.token, accept: 'application/octet-stream' },
    body: JSON.stringify(place),
  })
  return { status: response.status, hash: await hashOf(response.body ?? []) }
}

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.bin`
}

/** The most memory that the gateway has while something goes on, over what it had before. */
const growthWhile = async (pid: number, work: () => Promise<unknown>): Promise<number> => {
  const before = usageOf(pid).rssMb
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, usageOf(pid).rssMb)
  }, 50)
  await work()
  clearInterval(timer)
  return peak - before
}

describe('media through the gateway', () => {
  const { enterOnline } = useWorld('binary')
  const lastUpload = ({ sandbox }: Stage) => sandbox.control.uploads.at(-1)

  it.each(sizes)('%s arrives and comes back byte for byte', async (_name, size) => {
    const stage = await enterOnline()
    const { gateway, tenant, person } = stage
    const expected = await hashOf(pieces('bytes', size))
    const sent = await raw(stage, 'document', { kind: 'bytes', size })
    expect(sent).toMatchObject({ status: 200, body: { success: true } })
    expect(lastUpload(stage)).toMatchObject({
      sizeBytes: size,
      sha256: expected,
      name: 'Большой файл.bin',
    })
    const place = { chatId: person.chatIds[0], messageId: sent.body.messageId }
    expect(await download(gateway, tenant, place)).toEqual({ status: 200, hash: expected })
  })

  it('takes little memory for 200 MiB, on the way in and out', async () => {
    const stage = await enterOnline()
    const { gateway, tenant, person } = stage
    const [chatId] = person.chatIds
    const size = 200 * MiB
    // What the runtime takes once is not what a file takes.
    await raw(stage, 'document', { kind: 'bytes', size: 20 * MiB })
    let messageId: unknown
    const sending = await growthWhile(gateway.pid, async () => {
      messageId = (await raw(stage, 'document', { kind: 'bytes', size })).body.messageId
    })
    const receiving = await growthWhile(gateway.pid, () =>
      download(gateway, tenant, { chatId, messageId }),
    )
    expect(Math.max(sending, receiving)).toBeLessThan(128)
  })

  it('arrives whole as a file of a form, put aside on the way', async () => {
    const stage = await enterOnline()
    const size = 60 * MiB
    const body = asForm(stage.person.chatIds[0], pieces('bytes', size))
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    expect(await post(stage, '/chat/send/document', body, headers)).toMatchObject({ status: 200 })
    expect(lastUpload(stage)).toMatchObject({
      name: 'Файл.bin',
      sha256: await hashOf(pieces('bytes', size)),
    })
  })

  it('goes by each kind of slot', async () => {
    const stage = await enterOnline()
    const cases = [
      ['image', 'png', {}],
      ['video', 'mp4', {}],
      ['videonote', 'mp4', {}],
      ['audio', 'ogg', {}],
      ['voice', 'ogg', { duration: 1_000 }],
    ] as const
    for (const [kind, type, more] of cases) {
      const bytes = content(type, 2 * MiB)
      const image = Buffer.from(bytes).toString('base64')
      const { status } = await stage.tenant.request('POST', `/chat/send/${kind}`, {
        body: { chatId: stage.person.chatIds[0], [kind]: image, ...more },
      })
      expect([kind, status]).toEqual([kind, 200])
      expect(lastUpload(stage)?.sha256).toBe(await hashOf([bytes]))
    }
  })

  it('is fetched from a URL, with or without a length', async () => {
    const stage = await enterOnline()
    const bytes = content('bytes', 12 * MiB)
    for (const headers of [{ 'content-length': String(bytes.length) }, {}] as Record<
      string,
      string
    >[]) {
      const url = await serve((_request, answer) => answer.writeHead(200, headers).end(bytes))
      const body = { chatId: stage.person.chatIds[0], document: url }
      await stage.tenant.post('/chat/send/document', body)
      expect(lastUpload(stage)).toMatchObject({ name: 'file.bin', sha256: await hashOf([bytes]) })
    }
  })

  const sendUrl = ({ tenant, person }: Stage, url: string, kind = 'document') =>
    tenant.request('POST', `/chat/send/${kind}`, { body: { chatId: person.chatIds[0], url } })

  it.each([
    ['a packed answer that unpacks to more than MAX takes', 413, 'BODY_TOO_LARGE', bomb],
    ['a redirect, to wherever', 422, 'SOURCE_FAILED', redirect],
    ['an error page', 422, 'SOURCE_FAILED', notFound],
    ['a page instead of a photo', 415, 'UNSUPPORTED_MEDIA', page],
    ['a connection that breaks in the middle', 422, 'SOURCE_FAILED', broken],
    ['fewer bytes than announced', 422, 'SOURCE_FAILED', short],
  ] as const)('is not sent from %s', async (_name, status, code, listener) => {
    const stage = await enterOnline()
    const before = stage.sandbox.control.uploads.filter(({ state }) => state !== 'issued').length
    const answer = await sendUrl(stage, await serve(listener), 'image')
    expect(answer).toMatchObject({ status, body: { code } })
    const after = stage.sandbox.control.uploads.filter(({ state }) => state !== 'issued').length
    expect(after).toBe(before)
  })

  it('waits for a slow source', async () => {
    const stage = await enterOnline()
    const bytes = content('bytes', 300_000)
    const url = await serve((_request, answer) => {
      answer.write(bytes.subarray(0, 100_000))
      setTimeout(() => answer.end(bytes.subarray(100_000)), 1_500)
    })
    expect(await sendUrl(stage, url)).toMatchObject({ status: 200 })
    expect(lastUpload(stage)?.sha256).toBe(await hashOf([bytes]))
  })

  it('stays whole when an upload is interrupted and repeated', async () => {
    const stage = await enterOnline()
    const bytes = content('bytes', 3 * MiB)
    const url = await serve((_request, answer) => answer.end(bytes))
    const { id: userId } = stage.person.account
    stage.sandbox.control.fault({ kind: 'upload_broken', userId, code: '', delayMs: 0, count: 1 })
    expect(await sendUrl(stage, url)).toMatchObject({ status: 200 })
    expect(lastUpload(stage)?.sha256).toBe(await hashOf([bytes]))
  })

  it('is not sent when the upload of a raw body is interrupted', async () => {
    const stage = await enterOnline()
    const { id: userId } = stage.person.account
    stage.sandbox.control.fault({ kind: 'upload_broken', userId, code: '', delayMs: 0, count: 1 })
    const sent = await raw(stage, 'document', { kind: 'bytes', size: 3 * MiB })
    expect(sent).toMatchObject({ status: 502, body: { code: 'TRANSFER_FAILED' } })
    expect(stage.sandbox.control.messages(userId, stage.person.chatIds[0])).toEqual([])
  })

  it('that breaks off on the way back is no answer', async () => {
    const stage = await enterOnline()
    const sent = await raw(stage, 'document', { kind: 'bytes', size: 3 * MiB })
    const { account, chatIds } = stage.person
    const cut = {
      kind: 'download_cut',
      userId: account.id,
      code: '',
      delayMs: 0,
      count: 1,
    } as const
    const place = { chatId: chatIds[0], messageId: sent.body.messageId }
    stage.sandbox.control.fault(cut)
    await expect(download(stage.gateway, stage.tenant, place)).rejects.toThrow()
    stage.sandbox.control.fault(cut)
    expect(
      await stage.tenant.request('POST', '/chat/downloaddocument', { body: place }),
    ).toMatchObject({
      status: 502,
      body: { code: 'TRANSFER_FAILED' },
    })
  })
})

describe('media of a sandbox tenant', () => {
  const { enterOnline } = useWorld('binary')

  it('goes to the sandbox inside the product and comes back, 50 MiB too', async () => {
    const { gateway } = await enterOnline()
    const tenant = await gateway.createTenant({ sandbox: true })
    const { phone, code, contacts } = await tenant.get<{
      phone: string
      code: string
      contacts: { chatId: number }[]
    }>('/sandbox')
    await tenant.post('/session/auth/request', { phone })
    await tenant.post('/session/auth/confirm', { code })
    const chatId = contacts[0]?.chatId
    for (const size of [1, 3 * MiB + 1, 50 * MiB]) {
      const headers = { 'content-type': 'application/pdf', 'content-length': String(size) }
      const path = `/chat/send/document?chatId=${chatId}`
      const sent = await post({ gateway, tenant }, path, pieces('bytes', size), headers)
      expect(sent).toMatchObject({ status: 200 })
      const place = { chatId, messageId: sent.body.messageId }
      expect(await download(gateway, tenant, place)).toEqual({
        status: 200,
        hash: await hashOf(pieces('bytes', size)),
      })
    }
    const photo = { chatId, image: Buffer.from(content('png', 900)).toString('base64') }
    const { messageId } = await tenant.post<{ messageId: string }>('/chat/send/image', photo)
    expect(await tenant.post('/chat/downloadimage', { chatId, messageId })).toMatchObject({
      size: 900,
      mimeType: 'image/png',
    })
    await tenant.post('/sandbox/fault', { kind: 'upload_refused', code: 'NO_LUCK' })
    expect(await tenant.request('POST', '/chat/send/image', { body: photo })).toMatchObject({
      status: 422,
      body: { maxError: { code: 'NO_LUCK' } },
    })
  })
})

/** 50 MiB of nothing in 50 KB. */
const packed = gzipSync(Buffer.alloc(50 * MiB))
function bomb(...[, answer]: Parameters<RequestListener>): void {
  answer.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed)
}
function redirect(...[, answer]: Parameters<RequestListener>): void {
  answer.writeHead(302, { location: 'http://169.254.169.254/' }).end()
}
function notFound(...[, answer]: Parameters<RequestListener>): void {
  answer.writeHead(404).end(content('png', 500))
}
function page(...[, answer]: Parameters<RequestListener>): void {
  answer.writeHead(200, { 'content-type': 'image/png' }).end('<html>Sign in</html>')
}
function broken(...[, answer]: Parameters<RequestListener>): void {
  answer.write(content('png', 200_000))
  setTimeout(() => answer.destroy(), 50)
}
function short(...[, answer]: Parameters<RequestListener>): void {
  answer.writeHead(200, { 'content-length': 500_000 }).write(content('png', 200_000))
  setTimeout(() => answer.destroy(), 50)
}
