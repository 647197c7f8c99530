import type { MediaKind } from '../../schema/media.ts'
import type { WireMap } from '../../schema/wire.ts'
import type { UploadKind } from './uploads.ts'

/** A chequered square of 96 pixels. */
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAGAAAABgAQMAAADYVuV7AAAABlBMVEUAd/////8wLqXzAAAAIElEQVR42mNgYPj/H4GHPmd4+YaBYTR+RuNnNH7I5gAA2so933s/sq4AAAAASUVORK5CYII='

/** The square as 0.8 s of H.264, which changes its colour. */
const mp4 =
  'AAAAJGZ0eXBpc29tAAACAGlzb21pc282aXNvMmF2YzFtcDQxAAACy21vb3YAAAB4bXZoZAEAAAAAAAAA5zKlJQAAAADn' +
  'MqUlAAAD6AAAAAAAAALjAAEAAAEAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAQAAAAAAA' +
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIAAAIjdHJhawAAAGh0a2hkAQAAAwAAAADnMqUlAAAAAOcypSUAAAABAAAA' +
  'AAAAAAAAAALjAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAQAAAAABgAAAAYAAA' +
  'AAABs21kaWEAAAAsbWRoZAEAAAAAAAAA5zKlJQAAAADnMqUlAAB1MAAAAAAAAALjVcQAAAAAAC1oZGxyAAAAAAAAAAB2' +
  'aWRlAAAAAAAAAAAAAAAAVmlkZW9IYW5kbGVyAAAAAVJtaW5mAAAAFHZtaGQAAAABAAAAAAAAAAAAAAAlZGluZgAAAB1k' +
  'cmVmAAAAAAAAAAEAAAANdXJsIAAAAAEAAAABEXN0YmwAAAAQc3RzYwAAAAAAAAAAAAAAEHN0dHMAAAAAAAAAAAAAABRz' +
  'dHN6AAAAAAAAAAAAAAAAAAAAEHN0Y28AAAAAAAAAAAAAAMVzdHNkAAAAAAAAAAEAAAC1YXZjMQAAAAAAAAABAAAAAQAA' +
  'AAAAAAAAAAAAAABgAGAASAAAAEgAAAAAAAAAAQtBVkMxIENvZGluZwAAAAAAAAAAAAAAAAAAAAAAAAAAABj//wAAABBw' +
  'YXNwAAAAAQAAAAEAAAAUYnRydAAAAAAAAAAAAAAAAAAAAChhdmNDAULAC//hABFnQsALjI1DGk3AQ0BB4RCNQAEABGjO' +
  'PIAAAAATY29scm5jbHgAAQANAAGAAAAAKG12ZXgAAAAgdHJleAAAAAAAAAABAAAAAQAAAAAAAAAAAAAAAAAAAKBtb29m' +
  'AAAAEG1maGQAAAAAAAAAAQAAAIh0cmFmAAAAFHRmaGQAAgAgAAAAAQEBAAAAAAAUdGZkdAEAAAAAAAAAAAAAAAAAAFh0' +
  'cnVuAQADBQAAAAgAAACoAgAAAAAAC8wAAAAvAAAL3QAAAEUAAAvIAAAAPQAAC8EAAABCAAALyQAAAD0AAAvzAAAAQgAA' +
  'C94AAAA9AAAD5wAAAEIAAAH5bWRhdAAAACtluAAEAAAEP//+HooAB7ycnJycnXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXg' +
  'AAAAQWHgAEAAvkBDzf//BFFHxwABAQjgACAPifE+J8T4nzyZ/P5/P5/PJn8/n8/n89Z/P5/P5/P5/P5/P5/P5/P5/P5/' +
  'AAAAOWHgAIABPkAg83//w9FAPxOsT4nxPifPrP5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P4AAAAD5h4ADA' +
  'Ab5AIPN//8EV+OAAcjgAF8TvE+J8T4nz7z+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+AAAADlh4AEAAj5A' +
  'IPN//8PRQD8TrE+J8T4nz6z+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+fz+AAAAA+YeABQAK+QCDzf//BFfjg' +
  'AHI4ABfE7xPifE+J8+8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/gAAAA5YeABgAM+QCDzf//D0UA/E6xP' +
  'ifE+J8+s/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/n8/gAAAAPmHgAcADvkAg83//wRX44AByOAAXxO8T4nxP' +
  'ifPvP5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P5/P4AAAATG1mcmEAAAA0dGZyYQEAAAAAAAABAAAAPwAAAAEA' +
  'AAAAAAAAAAAAAAAAAALvAAAAAQAAAAEAAAABAAAAEG1mcm8AAAAAAAAATA=='

/** A second of silence in Opus. */
const ogg =
  'T2dnUwACAAAAAAAAAAAhWEFNAAAAAH9MrroBE09wdXNIZWFkAQE4AYC7AAAAAABPZ2dTAAAAAAAAAAAAACFYQU0BAAAA' +
  'ToCZ2gEWT3B1c1RhZ3MGAAAATWF4QVBJAAAAAE9nZ1MABIC7AAAAAAAAIVhBTQIAAADdALhMMgMDAwMDAwMDAwMDAwMD' +
  'AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD+P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/+' +
  '+P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/+' +
  '+P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/++P/+'

const text = 'Файл из песочницы.\nA file from the sandbox.\n'

const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))

interface Sample {
  upload: UploadKind
  name: string
  bytes(): Uint8Array
  /** What the sender's client says of it in the message. */
  facts: WireMap
}

/** A small real file of each kind; audio is a file like any other at MAX. */
export const samples: Record<MediaKind, Sample> = {
  image: { upload: 'photo', name: 'image.png', bytes: () => bytesOf(png), facts: {} },
  video: {
    upload: 'video',
    name: 'video.mp4',
    bytes: () => bytesOf(mp4),
    facts: { duration: 800 },
  },
  videonote: {
    upload: 'note',
    name: 'video.mp4',
    bytes: () => bytesOf(mp4),
    facts: { duration: 800 },
  },
  voice: {
    upload: 'voice',
    name: 'voice.ogg',
    bytes: () => bytesOf(ogg),
    facts: { duration: 1_000, wave: new Uint8Array(80) },
  },
  audio: { upload: 'file', name: 'Тишина · Silence.ogg', bytes: () => bytesOf(ogg), facts: {} },
  document: {
    upload: 'file',
    name: 'Пример · Sample.txt',
    bytes: () => new TextEncoder().encode(text),
    facts: {},
  },
}
