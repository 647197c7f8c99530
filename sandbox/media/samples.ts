import type { SampleKind } from '../../schema/operations/sandbox.ts'

/** A chequered square of 96 pixels. */
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAGAAAABgAQMAAADYVuV7AAAABlBMVEUAd/////8wLqXzAAAAIElEQVR42mNgYPj/H4GHPmd4+YaBYTR+RuNnNH7I5gAA2so933s/sq4AAAAASUVORK5CYII='

/** A small real file. */
export const sampleOf = (
  kind: SampleKind,
): { upload: 'photo' | 'file'; name: string; bytes: Uint8Array } =>
  kind === 'image'
    ? {
        upload: 'photo',
        name: 'image.png',
        bytes: Uint8Array.from(atob(png), (char) => char.charCodeAt(0)),
      }
    : {
        upload: 'file',
        name: 'Пример · Sample.txt',
        bytes: new TextEncoder().encode('Файл из песочницы.\nA file from the sandbox.\n'),
      }
