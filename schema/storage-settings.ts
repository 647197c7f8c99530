import { z } from 'zod'
import { GatewayError } from './errors.ts'

/** What becomes of received media: see the description of `media_delivery`. */
export const mediaDeliveries = ['none', 'url', 'base64', 's3', 'both'] as const
export type MediaDelivery = (typeof mediaDeliveries)[number]

/** Where and how a tenant's media are kept, as its session keeps it: plain data, secrets sealed. */
export interface TenantStorage {
  /** Whether the tenant's own S3 is used; otherwise the deployment's bucket is. */
  enabled: boolean
  endpoint: string
  bucket: string
  region: string
  pathStyle: boolean
  /** `{accessKey, secretKey}` as JSON, sealed; `''` for none. */
  keys: string
  /**
   * Who gave the keys. With the operator's a tenant reaches its own folder only: the bucket may be
   * shared.
   */
  givenBy: 'tenant' | 'operator'
  publicUrl: string
  /** Folder of the bucket, without slashes around it. */
  prefix: string
  mediaDelivery: MediaDelivery
  /** 0 = for ever. */
  retentionDays: number
}

export const defaultStorage: TenantStorage = {
  enabled: false,
  endpoint: '',
  bucket: '',
  region: 'us-east-1',
  pathStyle: true,
  keys: '',
  givenBy: 'tenant',
  publicUrl: '',
  prefix: '',
  mediaDelivery: 'url',
  retentionDays: 30,
}

/** Stands for a key that is there and not told. */
const HIDDEN = '***'

const optionalUrl = (error: string) =>
  z
    .string()
    .trim()
    .max(2_048)
    .transform((text) => (text === '' || text.includes('://') ? text : `https://${text}`))
    .refine((text) => text === '' || isPlainUrl(text), error)

const isPlainUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === ''
}

const secretInput = (what: string) =>
  z.string().trim().max(256).describe(`${what}; left out, "" or "${HIDDEN}": as it was`)

/** What its owner may say of a storage; what is left out stays as it is. */
export const storageInput = {
  enabled: z
    .boolean()
    .describe("Use this S3; `false` = the gateway's own storage, whatever else is set"),
  endpoint: optionalUrl('expected an http(s) URL without a query').describe(
    'Without the bucket, such as `https://s3.eu-central-1.amazonaws.com`',
  ),
  access_key: secretInput('Access key'),
  secret_key: secretInput('Secret key; never told again'),
  bucket: z
    .string()
    .trim()
    .regex(/^([A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])?$/, 'expected the name of a bucket')
    .describe('3 to 63 letters, digits, dots and hyphens'),
  region: z
    .string()
    .trim()
    .regex(/^[\w-]{0,64}$/, 'expected the name of a region')
    .describe('Default `us-east-1`'),
  path_style: z.boolean().describe('Bucket in the path instead of the host name; default true'),
  public_url: optionalUrl('expected an http(s) URL without a query').describe(
    'Address under which everybody can read the bucket: links are `{public_url}/{key}` then, ' +
      'without signature and end. Default "": signed links',
  ),
  media_delivery: z
    .enum(mediaDeliveries)
    .describe(
      '`none`: received media are left with MAX. `url`: stored, and `FileReady` has a link. ' +
        '`base64`: not stored, `FileReady` has the content up to 1 MiB. `s3`: as `url`, ' +
        'and while the own S3 is not enabled as `none`. `both`: `url` and `base64`. ' +
        'Stickers are left with MAX',
    ),
  retention_days: z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,5}$/)
          .transform(Number),
      ],
      'expected a number of days',
    )
    .pipe(z.int().min(0).max(36_500))
    .describe('Stored media are deleted after so many days; 0 = never; default 30'),
  prefix: z
    .string()
    .trim()
    .max(200)
    .regex(/^[^\p{Cc}\\]*$/u, 'expected a folder')
    .transform((text) => text.replace(/^\/+|\/+$/g, ''))
    .refine((text) => !text.split('/').some((part) => /^\.{1,2}$/.test(part)), 'expected a folder')
    .describe('Folder of the own bucket in which everything is put'),
}
const changeModel = z.object(storageInput).partial()
export type StorageChange = z.output<typeof changeModel>

/** The same under the names that older dashboards send with a tenant. */
export const tenantStorageInput = z
  .strictObject({
    enabled: storageInput.enabled,
    endpoint: storageInput.endpoint,
    region: storageInput.region,
    bucket: storageInput.bucket,
    accessKey: storageInput.access_key,
    secretKey: storageInput.secret_key,
    pathStyle: storageInput.path_style,
    publicURL: storageInput.public_url,
    mediaDelivery: storageInput.media_delivery,
    retentionDays: storageInput.retention_days,
    prefix: storageInput.prefix,
  })
  .partial()
  .transform(
    ({
      accessKey,
      secretKey,
      pathStyle,
      publicURL,
      mediaDelivery,
      retentionDays,
      ...same
    }): StorageChange => ({
      ...same,
      access_key: accessKey,
      secret_key: secretKey,
      path_style: pathStyle,
      public_url: publicURL,
      media_delivery: mediaDelivery,
      retention_days: retentionDays,
    }),
  )

export const StorageModel = z
  .object({
    enabled: z.boolean().describe('Whether the own S3 is used'),
    endpoint: z.string(),
    access_key: z.string().describe(`\`${HIDDEN}\` when there is one`),
    secret_key: z.string().describe(`\`${HIDDEN}\` when there is one`),
    bucket: z.string(),
    region: z.string(),
    path_style: z.boolean(),
    public_url: z.string(),
    media_delivery: z.enum(mediaDeliveries),
    retention_days: z.number(),
    prefix: z.string(),
  })
  .meta({ id: 'Storage' })
export type StorageView = z.output<typeof StorageModel>

/** A storage as its owner and the operator see it. */
export const storageView = (storage: TenantStorage): StorageView => ({
  enabled: storage.enabled,
  endpoint: storage.endpoint,
  access_key: storage.keys === '' ? '' : HIDDEN,
  secret_key: storage.keys === '' ? '' : HIDDEN,
  bucket: storage.bucket,
  region: storage.region,
  path_style: storage.pathStyle,
  public_url: storage.publicUrl,
  media_delivery: storage.mediaDelivery,
  retention_days: storage.retentionDays,
  prefix: storage.prefix,
})

/** The keys that a change brings along; `undefined` when it leaves them as they are. */
export const newKeys = (
  change: StorageChange,
): { accessKey: string; secretKey: string } | undefined => {
  const [accessKey, secretKey] = [change.access_key, change.secret_key].map((key) =>
    key === HIDDEN ? '' : (key ?? ''),
  )
  if (!accessKey && !secretKey) return undefined
  if (!accessKey) throw required('access_key')
  if (!secretKey) throw required('secret_key')
  return { accessKey, secretKey }
}

/**
 * The storage after a change, but for new keys, which only their keeper can seal.
 * @param refusal why a URL may not be called
 * @throws {GatewayError} INVALID_INPUT, or FORBIDDEN for an endpoint that may not be called
 */
export const changedStorage = (
  before: TenantStorage,
  change: StorageChange,
  refusal: (url: string) => string | undefined,
): TenantStorage => {
  const after: TenantStorage = {
    ...before,
    enabled: change.enabled ?? before.enabled,
    endpoint: change.endpoint ?? before.endpoint,
    bucket: change.bucket ?? before.bucket,
    region: (change.region ?? before.region) || defaultStorage.region,
    pathStyle: change.path_style ?? before.pathStyle,
    publicUrl: (change.public_url ?? before.publicUrl).replace(/\/+$/, ''),
    prefix: change.prefix ?? before.prefix,
    mediaDelivery: change.media_delivery ?? before.mediaDelivery,
    retentionDays: change.retention_days ?? before.retentionDays,
  }
  const hasNewKeys = newKeys(change) !== undefined
  const refused = after.endpoint === '' ? undefined : refusal(after.endpoint)
  if (refused !== undefined) {
    throw new GatewayError('FORBIDDEN', `endpoint: ${refused}`, { field: 'endpoint' })
  }
  // Keys are for the bucket they were given for: nobody may turn them on another one.
  const isElsewhere = after.endpoint !== before.endpoint || after.bucket !== before.bucket
  if (isElsewhere && before.keys !== '' && !hasNewKeys) {
    const text = 'secret_key: another endpoint or bucket needs its keys'
    throw new GatewayError('INVALID_INPUT', text, { field: 'secret_key' })
  }
  if (after.enabled) {
    for (const field of ['endpoint', 'bucket'] as const) {
      if (after[field] === '') throw required(field)
    }
    if (before.keys === '' && !hasNewKeys) throw required('access_key')
  }
  return after
}

const required = (field: string): GatewayError =>
  new GatewayError('INVALID_INPUT', `${field} is required`, { field })
