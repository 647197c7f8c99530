import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** Folder that the Worker's static files are served from. */
export const assetsFolder = path.join(path.dirname(import.meta.dirname), 'public')

/** What of the reference page is not ours, and therefore not in the repository. */
const borrowed = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'favicon-32x32.png',
]

/** Copies the files of installed packages among our own, where they are missing or others. */
export const copyAssets = (): void => {
  const from = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const to = path.join(assetsFolder, 'docs')
  mkdirSync(to, { recursive: true })
  for (const name of borrowed) {
    const source = path.join(from, name)
    const target = path.join(to, name)
    if (!isSame(source, target)) copyFileSync(source, target)
  }
}

const isSame = (one: string, other: string): boolean =>
  statSync(other, { throwIfNoEntry: false })?.size === statSync(one).size &&
  readFileSync(one).equals(readFileSync(other))
