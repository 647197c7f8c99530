import { HOST_CAPNP_CONNECT } from 'miniflare'
import { journalBinding, networkBindings, type WranglerConfig } from './miniflare-options.ts'

export interface SessionConfigOptions {
  wrangler: WranglerConfig
  /** Names of the variables; their values come with the environment of the process. */
  variables: readonly string[]
  /** File of the Worker, in the folder of the configuration. */
  codeFile: string
  /** Where its sessions are kept. */
  folder: string
  /** Path of the socket that the main process comes in by. */
  socket: string
  /** `host:port` of the main process. */
  home: string
}

/** A text in the language of the configuration. */
const quoted = (text: string): string =>
  `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '')}"`
const list = (items: readonly string[]): string => `[${items.join(', ')}]`

/** The classes of the Worker that live in a session process. */
const CLASSES = ['Session', 'Publisher', 'Journal']

/** Key of a class's storage: the name that the main process's runtime gives it too. */
export const storageKey = (wrangler: WranglerConfig, className: string): string =>
  `${wrangler.name}-${className}`

/**
 * The configuration of a session process (workerd.capnp): the same Worker, its Session and Publisher
 * objects, and the ways to the network and to the main process. It holds no secrets.
 */
export const sessionConfig = (options: SessionConfigOptions): string => {
  const { wrangler, variables, codeFile, folder, socket, home } = options
  const objects = [...wrangler.durable_objects.bindings, journalBinding].filter((row) =>
    CLASSES.includes(row.class_name),
  )
  // It is on by default by now, and the runtime remarks on who asks for it.
  const flags = wrangler.compatibility_flags.filter((flag) => flag !== 'nodejs_compat')
  const networks = Object.entries({ ...networkBindings, internet: networkBindings.NETWORK })
  const bindings = [
    ...variables.map((name) => `(name = ${quoted(name)}, fromEnvironment = ${quoted(name)})`),
    ...objects.map(
      (row) => `(name = ${quoted(row.name)}, durableObjectNamespace = ${quoted(row.class_name)})`,
    ),
    ...Object.keys(networkBindings).map((name) => `(name = "${name}", service = "${name}")`),
    '(name = "HOME", service = "home")',
  ]
  const namespaces = objects.map(
    ({ class_name: name }) =>
      `(className = "${name}", uniqueKey = ${quoted(storageKey(wrangler, name))}, enableSql = true, preventEviction = true)`,
  )
  const network = ([name, { network: way }]: (typeof networks)[number]): string => {
    const { allow, tlsOptions } = way
    const trusted = list((tlsOptions.trustedCertificates ?? []).map(quoted))
    return `(name = "${name}", network = (allow = ${list(allow.map(quoted))}, tlsOptions = (trustBrowserCas = true, trustedCertificates = ${trusted})))`
  }
  const remoteCalls = `http = (capnpConnectHost = ${quoted(HOST_CAPNP_CONNECT)})`
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker.js", esModule = embed ${quoted(codeFile)})],
      compatibilityDate = ${quoted(wrangler.compatibility_date)},
      compatibilityFlags = ${list(flags.map(quoted))},
      bindings = ${list(bindings)},
      durableObjectNamespaces = ${list(namespaces)},
      durableObjectStorage = (localDisk = "sessions"),
    )),
    (name = "sessions", disk = (path = ${quoted(folder)}, writable = true)),
    (name = "home", external = (address = ${quoted(home)}, ${remoteCalls})),
    ${networks.map(network).join(',\n    ')},
  ],
  sockets = [(
    name = "door",
    address = ${quoted(`unix:${socket}`)},
    ${remoteCalls},
    service = (name = "worker", entrypoint = "Door"),
  )],
  logging = (structuredLogging = true),
);
`
}
