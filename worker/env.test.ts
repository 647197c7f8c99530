import { describe, expect, it } from 'vitest'
import { type Env, readSettings } from './env.ts'

const bindings = { DB: {}, MEDIA: {}, SESSION: {}, SANDBOX: {} }
const read = (variables: object, bound: object = bindings) =>
  readSettings({ ...bound, MAXAPI_MASTER_KEY: 'k', ...variables } as Env)

describe('readSettings', () => {
  it('has a default for everything', () => {
    expect(read({})).toEqual({
      MAXAPI_ADMIN_TOKEN: '',
      LIBSQL_URL: '',
      LIBSQL_AUTH_TOKEN: '',
      MAXAPI_GLOBAL_WEBHOOK: '',
      MAXAPI_GLOBAL_WEBHOOK_SECRET: '',
      MAXAPI_QUEUE_WEBHOOK: '',
      MAXAPI_PUBLIC_URL: '',
      MAXAPI_ALLOW_PRIVATE_NETWORK: false,
      MAXAPI_LOOPBACK: false,
      MAXAPI_LOG_LEVEL: 'info',
      MAXAPI_VERSION: 'development',
    })
  })

  it('takes an empty variable as one that is not set', () => {
    const empty = Object.fromEntries(Object.keys(read({})).map((name) => [name, '']))
    expect(read(empty)).toEqual(read({}))
  })

  it('names every mistake and repeats no value', () => {
    const mistakes = {
      LIBSQL_URL: 'ftp://user:secret@host',
      MAXAPI_ALLOW_PRIVATE_NETWORK: 'secret',
      MAXAPI_GLOBAL_WEBHOOK: 'secret',
      MAXAPI_LOG_LEVEL: 'secret',
      MAXAPI_PUBLIC_URL: 'secret',
    }
    for (const name of Object.keys(mistakes)) expect(() => read(mistakes)).toThrow(name)
    expect(() => read(mistakes)).not.toThrow('secret')
  })

  it.each(['SESSION', 'SANDBOX', 'MEDIA', 'DB'])('misses the binding %s', (name) => {
    expect(() => read({}, { ...bindings, [name]: undefined })).toThrow(name)
  })

  it.each([
    [{ MAXAPI_MASTER_KEY: '' }, 'MAXAPI_MASTER_KEY'],
    [{ MAX_ENDPOINT: 'tls://127.0.0.1:1', MAX_PROTOCOL: 'json' }, 'MAX_ENDPOINT'],
    [{ MAX_PROTOCOL: 'morse' }, 'MAX_PROTOCOL'],
    [{ MAX_PROFILE: '{"noSuchField":1}' }, 'MAX_PROFILE'],
  ])('refuses what no session could work with: %o', (variables, name) => {
    expect(() => read(variables)).toThrow(name)
  })

  it('needs no D1 when there is a libSQL', () => {
    const bound = { ...bindings, DB: undefined }
    expect(read({ LIBSQL_URL: 'libsql://db.example.com' }, bound).LIBSQL_URL).not.toBe('')
  })
})
