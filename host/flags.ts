import { parseEndpoint } from '../connector/endpoint.ts'
import { handshakeProfile } from '../connector/profile.ts'
import {
  jsonObject,
  masterKeys,
  notEmpty,
  oneOf,
  publicUrl,
  signingSecret,
  text,
  token,
  url,
  wholeNumber,
  yesOrNo,
} from './setting-parsers.ts'

/** The settings of the self-host host: one table for flags, environment and `.env`. */

/** A mistake of the operator in a flag or a variable; the message is one line for a terminal. */
export class UsageError extends Error {}

interface Setting<Value> {
  /** Turns text into the value. Throws an Error that says what is expected: "must be …". */
  parse: (text: string) => Value
  /** What holds when the setting is not given. */
  fallback: Value
  /** Environment variables, the first one that is set wins. */
  env: string[]
  /** Line of `--help`; settings without one have no flag. */
  help?: string
  /** Placeholder in `--help`; absent for switches. */
  placeholder?: string
  /** Never repeated in a message. */
  secret?: boolean
}

const setting = <const Value>(of: Setting<Value>): Setting<Value> => of

/** Names are the flags' names. An empty string means "not given". */
export const settingsTable = {
  address: setting({
    parse: notEmpty,
    fallback: '127.0.0.1',
    env: ['MAXAPI_ADDRESS'],
    help: 'address to listen on; 0.0.0.0 for every network',
    placeholder: 'HOST',
  }),
  port: setting({
    parse: wholeNumber(0, 65_535),
    fallback: 5555,
    env: ['MAXAPI_PORT', 'PORT'],
    help: 'port to listen on; 0 picks a free one',
    placeholder: 'PORT',
  }),
  data: setting({
    parse: notEmpty,
    fallback: '.data',
    env: ['MAXAPI_DATA'],
    help: 'folder that keeps everything',
    placeholder: 'FOLDER',
  }),
  admintoken: setting({
    parse: token,
    fallback: '',
    env: ['MAXAPI_ADMIN_TOKEN'],
    help: 'admin token; default: made once, kept in the data folder',
    placeholder: 'TOKEN',
    secret: true,
  }),
  globalwebhook: setting({
    parse: url('http', 'https'),
    fallback: '',
    env: ['MAXAPI_GLOBAL_WEBHOOK'],
    help: 'also send the events of all tenants here',
    placeholder: 'URL',
    secret: true,
  }),
  logtype: setting({
    parse: oneOf('console', 'json'),
    fallback: 'console',
    env: ['MAXAPI_LOGTYPE'],
    help: 'console or json',
    placeholder: 'TYPE',
  }),
  color: setting({
    parse: yesOrNo,
    fallback: false,
    env: ['MAXAPI_COLOR'],
    help: 'colour the console log',
  }),
  skipmedia: setting({
    parse: yesOrNo,
    fallback: false,
    env: ['MAXAPI_SKIPMEDIA'],
    help: 'leave the media of incoming messages with MAX',
  }),
  processes: setting({
    parse: wholeNumber(0, 64),
    fallback: 0,
    env: ['MAXAPI_PROCESSES'],
    help: 'processes for the sessions alone; 0 = one for everything',
    placeholder: 'N',
  }),
  sslcertificate: setting({
    parse: text,
    fallback: '',
    env: ['MAXAPI_SSL_CERTIFICATE'],
    help: 'serve https with this certificate (PEM)',
    placeholder: 'FILE',
  }),
  sslprivatekey: setting({
    parse: text,
    fallback: '',
    env: ['MAXAPI_SSL_PRIVATE_KEY'],
    help: 'private key of the certificate (PEM)',
    placeholder: 'FILE',
  }),
  loglevel: setting({
    parse: oneOf('debug', 'info', 'warn', 'error'),
    fallback: 'info',
    env: ['MAXAPI_LOG_LEVEL'],
  }),
  webhookFormat: setting({
    parse: oneOf('json', 'form'),
    fallback: 'json',
    env: ['MAXAPI_WEBHOOK_FORMAT', 'WEBHOOK_FORMAT'],
  }),
  globalWebhookSecret: setting({
    parse: signingSecret,
    fallback: '',
    env: ['MAXAPI_GLOBAL_WEBHOOK_SECRET'],
    secret: true,
  }),
  globalWebhookOptions: setting({
    parse: jsonObject,
    fallback: '',
    env: ['MAXAPI_GLOBAL_WEBHOOK_OPTIONS'],
    secret: true,
  }),
  masterKey: setting({
    parse: masterKeys,
    fallback: '',
    env: ['MAXAPI_MASTER_KEY'],
    secret: true,
  }),
  maxEndpoint: setting({ parse: url('wss', 'ws', 'tls'), fallback: '', env: ['MAX_ENDPOINT'] }),
  maxProtocol: setting({
    parse: oneOf('binary', 'json', 'tcp'),
    fallback: '',
    env: ['MAX_PROTOCOL'],
  }),
  maxProfile: setting({ parse: jsonObject, fallback: '', env: ['MAX_PROFILE'] }),
  publicUrl: setting({ parse: publicUrl, fallback: '', env: ['MAXAPI_PUBLIC_URL'] }),
  allowPrivateNetwork: setting({
    parse: yesOrNo,
    fallback: false,
    env: ['MAXAPI_ALLOW_PRIVATE_NETWORK'],
  }),
  catchUpChats: setting({
    parse: wholeNumber(0, 100_000),
    fallback: 200,
    env: ['MAXAPI_CATCH_UP_CHATS'],
  }),
  catchUpMessages: setting({
    parse: wholeNumber(0, 100_000),
    fallback: 1_000,
    env: ['MAXAPI_CATCH_UP_MESSAGES'],
  }),
  catchUpHours: setting({
    parse: wholeNumber(0, 10_000),
    fallback: 168,
    env: ['MAXAPI_CATCH_UP_HOURS'],
  }),
  retentionDays: setting({
    parse: wholeNumber(1, 3_650),
    fallback: 7,
    env: ['MAXAPI_RETENTION_DAYS'],
  }),
  retentionMb: setting({
    parse: wholeNumber(1, 8_000),
    fallback: 200,
    env: ['MAXAPI_RETENTION_MB'],
  }),
  mediaMaxBytes: setting({
    parse: wholeNumber(0, 4_294_967_296),
    fallback: 209_715_200,
    env: ['MAXAPI_MEDIA_MAX_BYTES'],
  }),
  mediaInlineBytes: setting({
    parse: wholeNumber(0, 1_310_720),
    fallback: 1_048_576,
    env: ['MAXAPI_MEDIA_INLINE_BYTES'],
  }),
  degradedAfterMinutes: setting({
    parse: wholeNumber(1, 10_000),
    fallback: 5,
    env: ['MAXAPI_DEGRADED_AFTER_MINUTES'],
  }),
  connectRetries: setting({
    parse: wholeNumber(0, 1_000_000),
    fallback: 0,
    env: ['MAXAPI_CONNECT_RETRIES', 'MAX_CONNECT_RETRIES'],
  }),
  archiveEvents: setting({ parse: text, fallback: '', env: ['MAXAPI_ARCHIVE_EVENTS'] }),
  queueEvents: setting({ parse: text, fallback: '', env: ['MAXAPI_QUEUE_EVENTS'] }),
  queueWebhook: setting({
    parse: url('http', 'https'),
    fallback: '',
    env: ['MAXAPI_QUEUE_WEBHOOK'],
    secret: true,
  }),
  rabbitmqUrl: setting({
    parse: url('amqp', 'amqps'),
    fallback: '',
    env: ['RABBITMQ_URL'],
    secret: true,
  }),
  rabbitmqQueue: setting({ parse: text, fallback: '', env: ['RABBITMQ_QUEUE'] }),
  rabbitmqExchange: setting({ parse: text, fallback: '', env: ['RABBITMQ_EXCHANGE'] }),
  rabbitmqBindings: setting({ parse: text, fallback: '', env: ['RABBITMQ_BINDINGS'] }),
  rabbitmqEvents: setting({ parse: text, fallback: '', env: ['RABBITMQ_EVENTS'] }),
  libsqlUrl: setting({
    parse: url('libsql', 'https', 'http'),
    fallback: '',
    env: ['LIBSQL_URL'],
    secret: true,
  }),
  libsqlAuthToken: setting({ parse: text, fallback: '', env: ['LIBSQL_AUTH_TOKEN'], secret: true }),
}

type Name = keyof typeof settingsTable
export type Settings = { [Key in Name]: (typeof settingsTable)[Key]['fallback'] }

export type Command = { name: 'run'; settings: Settings } | { name: 'help' } | { name: 'version' }

type Variables = Record<string, string | undefined>

interface Sources {
  /** Command line without the program's name. */
  flags: string[]
  env: Variables
  /** Content of `.env`, parsed. */
  dotenv: Variables
}

const rows = Object.entries(settingsTable) as [Name, Setting<unknown>][]
const rowOf = new Map<string, Setting<unknown>>(rows)
const isSwitch = (row: Setting<unknown>): boolean => typeof row.fallback === 'boolean'

const parsed = (row: Setting<unknown>, label: string, value: string): unknown => {
  try {
    return row.parse(value)
  } catch (error) {
    const got = row.secret ? '' : `, got ${JSON.stringify(value)}`
    throw new UsageError(`${label} ${(error as Error).message}${got}`)
  }
}

/** Reads flags the way Go's `flag` package does: one dash or two, `-port 1`, `-port=1`, `-color`. */
const readFlags = (args: string[]): Map<string, string> => {
  const given = new Map<string, string>()
  const queue = [...args]
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const match = /^--?([a-z][\w-]*)(?:=(.*))?$/is.exec(arg)
    if (match === null) throw new UsageError(`unexpected argument ${JSON.stringify(arg)}`)
    const name = match[1] ?? ''
    if (name === 'h' || name === 'help' || name === 'version') {
      given.set(name === 'version' ? 'version' : 'help', 'true')
      continue
    }
    const row = rowOf.get(name)
    if (row?.help === undefined)
      throw new UsageError(`unknown flag ${arg.split('=', 1)[0]}; --help lists them`)
    const value = match[2] ?? (isSwitch(row) ? 'true' : queue.shift())
    if (value === undefined) throw new UsageError(`--${name} needs a value`)
    given.set(name, value)
  }
  return given
}

const fromVariables = (row: Setting<unknown>, sources: Variables[]): unknown => {
  for (const variables of sources) {
    for (const name of row.env) {
      const value = variables[name]?.trim()
      if (value) return parsed(row, name, value)
    }
  }
  return row.fallback
}

/**
 * Decides what to do from the command line, the environment and `.env`, in this order of rank.
 * @throws {UsageError}
 */
export const readCommand = ({ flags, env, dotenv }: Sources): Command => {
  const given = readFlags(flags)
  if (given.has('help')) return { name: 'help' }
  if (given.has('version')) return { name: 'version' }
  const values = rows.map(([name, row]) => {
    const flag = given.get(name)
    const value =
      flag === undefined ? fromVariables(row, [env, dotenv]) : parsed(row, `--${name}`, flag)
    return [name, value]
  })
  // The rows' parsers give each key its type; `fromEntries` cannot see that.
  const settings = Object.fromEntries(values) as Settings
  if ((settings.sslcertificate === '') !== (settings.sslprivatekey === '')) {
    throw new UsageError('--sslcertificate and --sslprivatekey go together')
  }
  checkMax(settings)
  return { name: 'run', settings }
}

/** Endpoint, protocol and profile must fit each other, which no single value shows. */
const checkMax = ({ maxEndpoint, maxProtocol, maxProfile }: Settings): void => {
  try {
    handshakeProfile(parseEndpoint(maxEndpoint, maxProtocol).encoding, maxProfile)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** What holds when nothing is given. */
export const defaultSettings = (): Settings =>
  Object.fromEntries(rows.map(([name, row]) => [name, row.fallback])) as Settings

export const helpText = (): string => {
  const line = (left: string, right: string) => `  ${left.padEnd(24)} ${right}`
  const shown = rows.filter(([, row]) => row.help !== undefined)
  return [
    'maxapi: HTTP API gateway for MAX Messenger accounts',
    '',
    'usage: npm start -- [flags]',
    '',
    ...shown.map(([name, row]) => {
      const fallback =
        isSwitch(row) || row.fallback === '' ? '' : ` (default ${String(row.fallback)})`
      return line(`--${name} ${row.placeholder ?? ''}`, `${row.help}${fallback}`)
    }),
    line('--help', 'this text'),
    line('--version', 'the version'),
    '',
    'Every setting can also be a variable of the environment or of a file .env; flags win, then',
    'the environment:',
    ...rows.map(([, row]) => `  ${row.env.join(' or ')}`),
    '',
  ].join('\n')
}
