import { randomBytes } from 'node:crypto'
import type { Settings } from './flags.ts'
import type { Log } from './log.ts'
import { quickStart } from './quick-start.ts'
import type { Host } from './start.ts'

/** Below this the operator should hear how to get more. */
const FEW_TENANTS = 1_000

const moreFiles =
  'raise the limit of open files: `ulimit -Hn`, LimitNOFILE= in systemd, --ulimit nofile= in docker'

/** Tells the operator that the gateway works and how to use it. */
export const announce = (host: Host, settings: Settings, log: Log): void => {
  const { url, dataFolder, tenants, adminTokenFile } = host
  const few = tenants !== undefined && tenants < FEW_TENANTS
  if (settings.logtype === 'json') {
    log('info', 'listening', { url, dataFolder, tenants, adminTokenFile })
  } else {
    process.stdout.write(`${page(host).join('\n')}\n`)
  }
  if (few) log('warn', `only ${tenants} tenants fit`, { advice: moreFiles })
}

const page = (host: Host): string[] => {
  const { url, dataFolder, tenants, adminToken, adminTokenFile, globalWebhookSecretFile } = host
  // Logs are kept and shipped; a token that is in a file already need not be in them.
  const showToken = host.adminTokenCreated || (adminTokenFile && process.stdout.isTTY)
  const read = adminTokenFile === undefined ? '$MAXAPI_ADMIN_TOKEN' : `$(cat '${adminTokenFile}')`
  return [
    '',
    `MaxAPI listens on ${url}`,
    '',
    `  data         ${dataFolder}`,
    `  tenants      ${tenants === undefined ? 'no limit of open files' : `${tenants} fit`}`,
    `  admin token  ${adminTokenFile ?? 'as given'}${showToken ? `: ${adminToken}` : ''}`,
    ...(globalWebhookSecretFile ? [`  global hook  signed with ${globalWebhookSecretFile}`] : []),
    '',
    'Quick start, in another terminal:',
    '',
    ...quickStart({
      url,
      adminToken: showToken ? adminToken : read,
      tenantToken: randomBytes(16).toString('hex'),
    }).map((line) => `  ${line}`),
    '',
  ]
}
