import { z } from 'zod'
import type { WireMap } from '../schema/wire.ts'
import type { Encoding } from './frame.ts'

/**
 * How we introduce ourselves to MAX (wire-and-auth.md §5). Configuration, not code: MAX refuses
 * versions it finds too old, so `MAX_PROFILE` (a JSON object) overrides any field at run time.
 */
const profileInput = z.strictObject({
  deviceType: z.enum(['WEB', 'ANDROID', 'IOS', 'DESKTOP']),
  pushDeviceType: z.string(),
  appVersion: z.string(),
  buildNumber: z.int(),
  deviceName: z.string(),
  osVersion: z.string(),
  arch: z.string(),
  locale: z.string(),
  deviceLocale: z.string(),
  timezone: z.string(),
  screen: z.string(),
  headerUserAgent: z.string(),
  /** What the upgrade request says of itself; WebSocket only. */
  origin: z.string(),
  /** Whether pings say that a person is looking. The server closes idle background tabs (§12). */
  interactive: z.boolean(),
})
export type HandshakeProfile = z.output<typeof profileInput>

const web: HandshakeProfile = {
  deviceType: 'WEB',
  pushDeviceType: 'WEBPUSH',
  appVersion: '26.10.1',
  buildNumber: 0,
  deviceName: 'Chrome',
  osVersion: 'Linux',
  arch: '',
  locale: 'ru',
  deviceLocale: 'ru',
  timezone: 'Europe/Moscow',
  screen: '1080x1920 1.0x',
  headerUserAgent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  origin: 'https://web.max.ru',
  interactive: true,
}

const mobile: HandshakeProfile = {
  ...web,
  deviceType: 'ANDROID',
  pushDeviceType: 'GCM',
  appVersion: '26.28.0',
  buildNumber: 6804,
  deviceName: 'Pixel 8',
  osVersion: 'Android 14',
  arch: 'arm64-v8a',
  screen: '405dpi 405dpi 1080x2400',
}

/**
 * The profile for a transport, with the deployment's overrides.
 * @throws {Error} naming the field when `overrides` is no JSON object of known fields.
 */
export const handshakeProfile = (
  encoding: Encoding,
  overrides: string | undefined,
): HandshakeProfile => {
  const base = encoding === 'tcp' ? mobile : web
  if (!overrides) return base
  let given: unknown
  try {
    given = JSON.parse(overrides)
  } catch {
    throw new Error('MAX_PROFILE: expected a JSON object')
  }
  const parsed = profileInput.partial().safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(['MAX_PROFILE', ...(issue?.path ?? []), issue?.message].join(': '))
  }
  return { ...base, ...(parsed.data as Partial<HandshakeProfile>) }
}

/** Payload of SESSION_INIT: fields in the order the web client sends them (§5.1, §5.2). */
export const sessionInit = (profile: HandshakeProfile, deviceId: string): WireMap =>
  profile.deviceType === 'WEB'
    ? {
        userAgent: {
          deviceType: profile.deviceType,
          pushDeviceType: profile.pushDeviceType,
          locale: profile.locale,
          deviceLocale: profile.deviceLocale,
          osVersion: profile.osVersion,
          deviceName: profile.deviceName,
          headerUserAgent: profile.headerUserAgent,
          isPwa: false,
          appVersion: profile.appVersion,
          screen: profile.screen,
          timezone: profile.timezone,
        },
        deviceId,
      }
    : {
        mt_instanceid: deviceId,
        userAgent: mobileUserAgent(profile),
        clientSessionId: 1,
        deviceId,
      }

const mobileUserAgent = (profile: HandshakeProfile): WireMap => ({
  deviceType: profile.deviceType,
  appVersion: profile.appVersion,
  osVersion: profile.osVersion,
  timezone: profile.timezone,
  screen: profile.screen,
  pushDeviceType: profile.pushDeviceType,
  arch: profile.arch,
  locale: profile.locale,
  buildNumber: profile.buildNumber,
  deviceName: profile.deviceName,
  deviceLocale: profile.deviceLocale,
})

/** Markers of the last LOGIN; MAX answers with what changed since (§6.3). */
export interface SyncMarkers {
  /** Server time of the last LOGIN, Unix ms; 0 = everything. */
  time: number
  /** The same for chats: earlier, while what happened in an outage is not caught up yet. */
  chats?: number | undefined
  configHash?: string
}

/** Payload of LOGIN (§6.1, §6.2). */
export const loginRequest = (
  profile: HandshakeProfile,
  token: string,
  markers: SyncMarkers,
  chatsCount: number,
): WireMap => {
  const all = profile.deviceType === 'WEB' ? 0 : -1
  const since = markers.time || all
  return {
    ...(profile.deviceType === 'WEB' ? {} : { userAgent: mobileUserAgent(profile) }),
    token,
    chatsCount,
    interactive: profile.interactive,
    chatsSync: markers.time && markers.chats ? Math.min(markers.time, markers.chats) : since,
    contactsSync: since,
    presenceSync: markers.time || -1,
    draftsSync: since,
    lastLogin: markers.time || undefined,
    configHash: markers.configHash,
  }
}
