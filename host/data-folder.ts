import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { codeOf, HostError } from './host-error.ts'

export interface Secret {
  value: string
  file: string
  /** Whether it was made just now. */
  created: boolean
}

export interface DataFolder {
  path: string
  /** A secret that is made once: read from the file, or written there now. */
  secret(name: string, bytes: number, encode?: (raw: Buffer) => string): Secret
  /** Lets another host use the folder. */
  release(): void
}

const reasons: Record<string, string> = {
  EEXIST: 'it is not a folder',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is not a folder',
  ENOENT: 'the folder above it does not exist',
  ENOSPC: 'the disk is full',
}

const unusable = (folder: string, error: unknown): HostError => {
  const code = codeOf(error)
  const reason = (code && reasons[code]) ?? (error as Error).message
  return new HostError(`cannot use the data folder ${folder}: ${reason}`, { cause: error })
}

/**
 * Takes the folder for this process. The lock is SQLite's own on an empty file: the system gives it
 * back however the process ends, so there is no stale lock, also not between containers that share
 * a volume and see each other's process ids.
 */
const lock = (folder: string): DatabaseSync => {
  const database = new DatabaseSync(path.join(folder, 'lock'))
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (!/locked/.test((error as Error).message)) throw error
    throw new HostError(`the data folder ${folder} is in use by another maxapi`)
  }
}

/** One level only: a recursive mkdir of Node spins for ever on some paths (/proc/x). */
const makeFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !statSync(folder).isDirectory()) throw error
  }
}

/** It holds keys. A folder that others use too must not be taken away from them. */
const closeToOthers = (folder: string): void => {
  const names = readdirSync(folder)
  if (names.length > 0 && !names.includes('lock')) {
    throw new HostError(`the data folder ${folder} holds other files; give maxapi one of its own`)
  }
  chmodSync(folder, 0o700)
}

/** Opens the folder, making it when it is missing. */
export const openDataFolder = (location: string): DataFolder => {
  const folder = path.resolve(location)
  let held: DatabaseSync
  try {
    makeFolder(folder)
    if ((statSync(folder).mode & 0o077) !== 0) closeToOthers(folder)
    held = lock(folder)
  } catch (error) {
    throw error instanceof HostError ? error : unusable(folder, error)
  }
  return {
    path: folder,
    secret: (name, bytes, encode = (raw) => raw.toString('hex')) => {
      const file = path.join(folder, name)
      try {
        const value = readFileSync(file, 'utf8').trim()
        if (value !== '') return { value, file, created: false }
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw unusable(folder, error)
      }
      const value = encode(randomBytes(bytes))
      try {
        writeFileSync(file, `${value}\n`, { mode: 0o600, flush: true })
      } catch (error) {
        throw unusable(folder, error)
      }
      return { value, file, created: true }
    },
    release: () => held.close(),
  }
}
