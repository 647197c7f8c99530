import { describe, expect, it } from 'vitest'
import { type MediaObject, mediaPath } from './media-key.ts'

const object: MediaObject = {
  direction: 'inbox',
  chatId: '-68250841',
  messageId: '115912345678901234',
  index: 0,
  kind: 'image',
  sentAt: Date.parse('2026-12-31T23:59:59.999Z'),
  contentType: 'image/jpeg',
}

describe('mediaPath', () => {
  it.each<[Partial<MediaObject>, string]>([
    [{}, 'inbox/-68250841/2026/12/31/images/115912345678901234-0.jpg'],
    [
      { direction: 'outbox', kind: 'video', contentType: 'video/mp4', index: 2 },
      'outbox/-68250841/2026/12/31/videos/115912345678901234-2.mp4',
    ],
    [{ kind: 'videoNote', contentType: 'video/webm' }, 'videos/115912345678901234-0.webm'],
    [{ kind: 'voice', contentType: 'audio/ogg; codecs=opus' }, 'audio/115912345678901234-0.oga'],
    [{ kind: 'audio', contentType: 'audio/mpeg' }, 'audio/115912345678901234-0.mp3'],
    [{ kind: 'sticker', contentType: 'image/webp' }, 'images/115912345678901234-0.webp'],
    [{ kind: 'file', contentType: 'application/pdf' }, 'documents/115912345678901234-0.pdf'],
    [{ kind: 'file', contentType: 'application/x-7z', fileName: 'Отчёт.7Z' }, '-0.7z'],
    [{ kind: 'file', contentType: 'application/octet-stream', fileName: 'a.docx' }, '-0.docx'],
    [{ kind: 'file', contentType: 'application/octet-stream', fileName: '../a' }, '-0.bin'],
    [{ kind: 'file', contentType: '', fileName: 'a./../b' }, '-0.bin'],
    [{ chatId: '../1', messageId: 'a/b' }, 'inbox/___1/2026/12/31/images/a_b-0.jpg'],
  ])('[MO1] %j lies in %s', (change, path) => {
    expect(mediaPath({ ...object, ...change }).endsWith(path)).toBe(true)
  })
})
