import { spawnSync } from 'node:child_process'

/** An online session: four SQLite files and its socket to MAX. */
const FILES_PER_TENANT = 5
/** The runtime itself, HTTP clients, and webhooks in flight. */
const RESERVED_FILES = 512

export const tenantsThatFit = (openFiles: number): number =>
  Math.max(0, Math.floor((openFiles - RESERVED_FILES) / FILES_PER_TENANT))

/**
 * How many files the runtime may open. Node raises its own soft limit to the hard one when it
 * starts and children inherit that, so what a child sees is what the runtime gets.
 * `undefined` where there is no such limit to ask for.
 */
export const openFilesLimit = (): number | undefined => {
  const { status, stdout } = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })
  if (status !== 0) return undefined
  const limit = Number.parseInt(stdout, 10)
  return Number.isNaN(limit) ? undefined : limit
}
