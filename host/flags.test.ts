import { describe, expect, it } from 'vitest'
import { defaultSettings, helpText, readCommand, settingsTable, UsageError } from './flags.ts'

const read = (
  flags: string[],
  env: Record<string, string> = {},
  dotenv: Record<string, string> = {},
) => {
  const command = readCommand({ flags, env, dotenv })
  if (command.name !== 'run') throw new Error(`read as ${command.name}`)
  return command.settings
}

const refusal = (flags: string[], env: Record<string, string> = {}): string => {
  try {
    read(flags, env)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('was accepted')
}

describe('flags', () => {
  it('listens on this machine only unless told otherwise', () => {
    expect(read([])).toEqual(defaultSettings())
    expect(read([])).toMatchObject({ address: '127.0.0.1', port: 5555, data: '.data' })
  })

  it.each([
    [['--port', '8080']],
    [['--port=8080']],
    [['-port', '8080']],
    [['-port=8080']],
  ])('reads %j as Go does', (flags) => {
    expect(read(flags).port).toBe(8080)
  })

  it.each([
    [['--color'], true],
    [['-color'], true],
    [['--color=true'], true],
    [['-color=1'], true],
    [['--color=false'], false],
    [['--color=F'], false],
  ])('reads the switch %j as %s', (flags, color) => {
    expect(read(flags, { MAXAPI_COLOR: String(!color) }).color).toBe(color)
  })

  it('keeps what follows the first "=" of a value', () => {
    expect(read(['--globalwebhook=https://a.example/?b=c']).globalwebhook).toBe(
      'https://a.example/?b=c',
    )
  })

  it.each([
    [['--port', 'abc'], '--port must be 0 to 65535, got "abc"'],
    [['-port=65536'], '--port must be 0 to 65535, got "65536"'],
    [['--port'], '--port needs a value'],
    [['--port='], '--port must be 0 to 65535, got ""'],
    [['--logtype', 'xml'], '--logtype must be console or json, got "xml"'],
    [['--color=perhaps'], '--color must be true or false, got "perhaps"'],
    [['--colour'], 'unknown flag --colour; --help lists them'],
    [['-masterKey=1'], 'unknown flag -masterKey; --help lists them'],
    [['--data='], '--data must not be empty, got ""'],
    [['--address', ''], '--address must not be empty, got ""'],
    [['8080'], 'unexpected argument "8080"'],
    [['--admintoken', 'short'], '--admintoken must be 8 to 200 ASCII characters, no blanks'],
    [['--globalwebhook', 'ftp://u:p@x'], '--globalwebhook must be a http://, https:// URL'],
    [['--sslcertificate', 'a.pem'], '--sslcertificate and --sslprivatekey go together'],
  ])('refuses %j in one line', (flags, message) => {
    expect(refusal(flags)).toBe(message)
  })

  it.each([
    [
      { MAX_ENDPOINT: 'tls://127.0.0.1:1', MAX_PROTOCOL: 'json' },
      'MAX_ENDPOINT must be wss://… or ws://… for the json protocol',
    ],
    [
      { MAX_ENDPOINT: 'wss://127.0.0.1/websocket', MAX_PROTOCOL: 'tcp' },
      'MAX_ENDPOINT must be tls://host:port for the tcp protocol',
    ],
    [{ MAX_PROFILE: '{"noSuchField":1}' }, 'MAX_PROFILE: Unrecognized key: "noSuchField"'],
  ])('refuses MAX settings that no session could work with: %o', (env, message) => {
    expect(() => readCommand({ flags: [], env, dotenv: {} })).toThrow(message)
  })

  it.each([[['--help']], [['-h']], [['-help', '--port', '1']]])('%j asks for help', (flags) => {
    expect(readCommand({ flags, env: {}, dotenv: {} })).toEqual({ name: 'help' })
  })

  it('lists every flag in the help', () => {
    for (const [name, row] of Object.entries(settingsTable)) {
      if ('help' in row && row.help !== undefined) expect(helpText()).toContain(`--${name} `)
    }
  })
})

describe('environment', () => {
  it('ranks flags over the environment over .env', () => {
    const env = { MAXAPI_PORT: '2' }
    const dotenv = { MAXAPI_PORT: '3' }
    expect(read(['--port=1'], env, dotenv).port).toBe(1)
    expect(read([], env, dotenv).port).toBe(2)
    expect(read([], {}, dotenv).port).toBe(3)
  })

  it('takes the specific name before the common one, and an environment before .env', () => {
    expect(read([], { PORT: '1', MAXAPI_PORT: '2' }).port).toBe(2)
    expect(read([], { PORT: '1' }, { MAXAPI_PORT: '2' }).port).toBe(1)
    expect(read([], { WEBHOOK_FORMAT: 'form' }).webhookFormat).toBe('form')
  })

  it('takes an empty variable as not set', () => {
    expect(read([], { PORT: '', MAXAPI_LOGTYPE: ' ' })).toEqual(defaultSettings())
  })

  it('names the variable that is wrong, and repeats no secret', () => {
    expect(refusal([], { PORT: 'x' })).toBe('PORT must be 0 to 65535, got "x"')
    expect(refusal([], { MAX_PROFILE: '[]' })).toBe('MAX_PROFILE must be a JSON object, got "[]"')
    expect(refusal([], { MAX_ENDPOINT: 'https://x' })).toContain('must be a wss://, ws://, tls://')
    expect(refusal([], { MAXAPI_MASTER_KEY: 'hunter2' })).not.toContain('hunter2')
    expect(refusal([], { MAXAPI_PUBLIC_URL: 'https://u:p@x' })).toContain('without a query')
    expect(refusal([], { LIBSQL_URL: 'mysql://u:hunter2@x' })).not.toContain('hunter2')
  })

  it('takes the address without the slash that links bring', () => {
    expect(read([], { MAXAPI_PUBLIC_URL: 'https://x.example/a/' }).publicUrl).toBe(
      'https://x.example/a',
    )
  })

  it('takes several master keys', () => {
    const keys = `${'0f'.repeat(32)},${'A'.repeat(43)}=`
    expect(read([], { MAXAPI_MASTER_KEY: keys }).masterKey).toBe(keys)
  })
})
