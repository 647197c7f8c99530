import { describe, expect, it } from 'vitest'
import { firstMedium, listAttachments } from './attachments.ts'

const photo = { _type: 'PHOTO', photoId: 9, photoToken: 'secret', baseUrl: 'https://i.oneme.ru/1' }
const file = { _type: 'FILE', fileId: 5n, name: 'a.pdf', size: 7, token: 'secret' }

describe('listAttachments', () => {
  it('[defect 20] lists every attachment, in order, and not only the last of a kind', () => {
    const attaches = [
      { ...photo, width: 4, height: 3 },
      { ...photo, photoId: 10 },
      {
        _type: 'VIDEO',
        videoId: 6,
        width: 2,
        duration: 1500,
        thumbnail: 'https://i/2',
        token: 's',
      },
      file,
    ]
    expect(listAttachments({ attaches })).toEqual([
      { index: 0, kind: 'image', id: 9, url: photo.baseUrl, width: 4, height: 3 },
      { index: 1, kind: 'image', id: 10, url: photo.baseUrl },
      { index: 2, kind: 'video', id: 6, width: 2, durationMs: 1500, thumbnailUrl: 'https://i/2' },
      { index: 3, kind: 'file', id: '5', name: 'a.pdf', size: 7 },
    ])
  })

  it.each([
    [
      { _type: 'VIDEO', videoId: 1, videoType: 1 },
      { kind: 'videoNote', id: 1 },
    ],
    [
      { _type: 'VIDEO_MSG', videoId: 1 },
      { kind: 'videoNote', id: 1 },
    ],
    [
      { _type: 'AUDIO', audioId: 1, url: 'https://a', duration: 900, wave: new Uint8Array(2) },
      { kind: 'voice', id: 1, url: 'https://a', durationMs: 900 },
    ],
    [
      { _type: 'AUDIO', audioId: 1 },
      { kind: 'audio', id: 1 },
    ],
    [
      { _type: 'UNSUPPORTED', audioId: 1, wave: 'AA==' },
      { kind: 'voice', id: 1 },
    ],
    [
      { _type: 'STICKER', stickerId: 3, url: 'https://s' },
      { kind: 'sticker', id: 3, url: 'https://s' },
    ],
    [
      { _type: 'CONTACT', contactId: 4, firstName: 'Bob', lastName: 'Miller', phone: 79990000002 },
      { kind: 'contact', id: 4, name: 'Bob Miller', phone: '79990000002' },
    ],
    [
      { _type: 'LOCATION', latitude: 55.7, longitude: 37.6 },
      { kind: 'location', latitude: 55.7, longitude: 37.6 },
    ],
    [
      { _type: 'SHARE', shareId: 8, url: 'https://u', title: 'T', description: 'D' },
      { kind: 'share', id: 8, url: 'https://u', name: 'T', text: 'D' },
    ],
    [
      { _type: 'POLL', pollId: 2, title: 'Lunch?' },
      { kind: 'poll', id: 2, name: 'Lunch?' },
    ],
    [
      { _type: 'CALL', conversationId: 'c', duration: 61000 },
      { kind: 'call', id: 'c', durationMs: 61000 },
    ],
    [{ _type: 'INLINE_KEYBOARD' }, { kind: 'keyboard' }],
    [{ callbackId: 'k', keyboard: { buttons: [] } }, { kind: 'keyboard' }],
    [{ _type: 'HOLOGRAM', id: 1 }, { kind: 'unknown' }],
    [{ _type: 'constructor' }, { kind: 'unknown' }],
    [{}, { kind: 'unknown' }],
  ])('reads %j', (attach, expected) => {
    expect(listAttachments({ attaches: [attach] })).toEqual([{ index: 0, ...expected }])
  })

  it('counts those of a forwarded message, and a service message has none', () => {
    const link = { type: 'FORWARD', message: { attaches: [file] } }
    expect(listAttachments({ attaches: [photo], link })).toMatchObject([
      { index: 0, kind: 'image' },
      { index: 1, kind: 'file', forwarded: true },
    ])
    expect(listAttachments({ link: { ...link, type: 'REPLY' } })).toEqual([])
    expect(listAttachments({ attaches: [{ _type: 'CONTROL', event: 'leave' }] })).toEqual([])
  })
})

describe('firstMedium', () => {
  it.each([
    [[photo, file], { mediaType: 'image', mediaUrl: photo.baseUrl }],
    [
      [{ _type: 'LOCATION' }, file],
      { mediaType: 'file', fileId: '5', fileName: 'a.pdf', fileSize: 7 },
    ],
    [[{ _type: 'VIDEO', videoId: 6, token: 's' }], { mediaType: 'video', videoId: 6 }],
    [
      [{ _type: 'AUDIO', audioId: 1, url: 'https://a' }],
      { mediaType: 'audio', audioId: 1, audioUrl: 'https://a' },
    ],
    [[{ _type: 'POLL' }], {}],
  ])('%#', (attaches, expected) => {
    expect(firstMedium(listAttachments({ attaches }))).toEqual(expected)
  })
})
