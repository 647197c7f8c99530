import { execFile } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome']

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Path of a Chromium on this machine, or `undefined`. */
export const chromium: string | undefined = (process.env.PATH ?? '')
  .split(path.delimiter)
  .flatMap((folder) => names.map((name) => path.join(folder, name)))
  .find(isExecutable)

/** How a test that needs a browser is called where there is none. */
export const withBrowser = (name: string): string =>
  chromium === undefined ? `${name} (skipped: apt-get install chromium)` : name

export interface Visit {
  /** The document after scripts have run. */
  dom: string
  /** What the page said on the console, refusals of its content security policy included. */
  console: string[]
}

/** Opens a page in a fresh profile without a window. */
export const visit = (url: string): Promise<Visit> => {
  const profile = mkdtempSync(path.join(tmpdir(), 'maxapi-browser-'))
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--enable-logging=stderr',
    `--user-data-dir=${profile}`,
    '--virtual-time-budget=20000',
    '--dump-dom',
  ]
  return new Promise<Visit>((resolve, reject) => {
    execFile(
      chromium ?? names[0] ?? '',
      [...flags, url],
      { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
      (error, dom, lines) => {
        rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
        if (error) reject(error)
        else resolve({ dom, console: lines.split('\n').filter((line) => /CONSOLE/.test(line)) })
      },
    )
  })
}
