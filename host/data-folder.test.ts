import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDataFolder } from './data-folder.ts'
import { HostError } from './host-error.ts'

const mode = (file: string) => statSync(file).mode & 0o777

describe('openDataFolder', () => {
  let parent: string
  beforeEach(() => {
    parent = mkdtempSync(path.join(tmpdir(), 'maxapi-'))
  })
  afterEach(() => rmSync(parent, { recursive: true }))

  it('makes a folder and secrets that only the owner can read', () => {
    const folder = openDataFolder(path.join(parent, 'data'))
    const made = folder.secret('admin-token', 24)
    expect(made).toMatchObject({ created: true, value: expect.stringMatching(/^[0-9a-f]{48}$/) })
    expect(readFileSync(made.file, 'utf8').trim()).toBe(made.value)
    expect([mode(folder.path), mode(made.file)]).toEqual([0o700, 0o600])
    expect(folder.secret('admin-token', 24)).toEqual({ ...made, created: false })
    folder.release()
  })

  it('closes a folder that was open to others', () => {
    chmodSync(parent, 0o755)
    openDataFolder(parent).release()
    expect(mode(parent)).toBe(0o700)
  })

  it('leaves a folder alone that others use too', () => {
    const shared = path.join(parent, 'shared')
    mkdirSync(shared, { mode: 0o755 })
    writeFileSync(path.join(shared, 'of somebody else'), '')
    expect(() => openDataFolder(shared)).toThrow('holds other files')
    expect(statSync(shared).mode & 0o777).toBe(0o755)
  })

  it('is for one host at a time', () => {
    const first = openDataFolder(parent)
    expect(() => openDataFolder(parent)).toThrow('is in use by another maxapi')
    first.release()
    openDataFolder(parent).release()
  })

  it('says in one line what is wrong with a folder', () => {
    const file = path.join(parent, 'file')
    writeFileSync(file, '')
    expect(() => openDataFolder(file)).toThrow(HostError)
    expect(() => openDataFolder(file)).toThrow(/it is not a folder$/)
    expect(() => openDataFolder(path.join(file, 'x'))).toThrow(/part of its path is not a folder$/)
    expect(() => openDataFolder(path.join(parent, 'a/b'))).toThrow(/above it does not exist$/)
  })
})
