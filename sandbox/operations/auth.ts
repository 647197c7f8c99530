import { type WireMap, wireId, wireTime } from '../../schema/wire.ts'
import type { Account } from '../records.ts'
import { malformed, Refusal } from '../refusal.ts'
import { renderProfile } from '../render.ts'
import type { GreetedCall, OnlineCall } from './operation.ts'

/** The login dialogues (wire-and-auth.md §8, §9): each ends with a token for LOGIN. */

/** 17: sends a code by SMS, or says why not. */
export const requestCode = (call: GreetedCall): WireMap => {
  const { world, settings, connection, fields, codes } = call
  const phone = fields.string('phone')
  const type = fields.string('type')
  if (type !== 'START_AUTH' && type !== 'RESEND') throw malformed("'type' out of range")
  if (!/^\+\d{10,15}$/.test(phone)) throw new Refusal('phone.wrong', 'Wrong phone number')
  if (settings.sms === 'captcha' && !fields.has('captchaToken')) {
    throw new Refusal('captcha.required', 'Captcha required')
  }
  const requestCountLeft = codes.take(phone, world.now, settings)
  const token = world.hex(136)
  connection.dialogue.code = {
    token,
    phone,
    expiresAt: world.now + settings.codeTtlMs,
    attemptsLeft: settings.codeAttempts,
    sent: settings.sms !== 'silent',
  }
  return {
    token,
    codeLength: settings.code.length,
    requestMaxDuration: 60_000,
    requestCountLeft,
    altActionDuration: 60_000,
  }
}

/** 18: the code proves the phone; what follows depends on whose phone it is. */
export const checkCode = (call: GreetedCall): WireMap => {
  const { world, settings, connection, fields } = call
  const token = fields.string('token')
  const code = fields.string('verifyCode')
  if (fields.string('authTokenType') !== 'CHECK_CODE') throw malformed("'authTokenType' unknown")
  const request = connection.dialogue.code
  // A token of another connection reads as trouble on MAX's side (§2.1).
  if (request?.token !== token) throw new Refusal('service.unavailable', 'Service unavailable')
  if (world.now >= request.expiresAt) throw new Refusal('verify.code.expired', 'Code expired')
  if (request.attemptsLeft === 0) throw new Refusal('error.code.attempt.limit', 'No attempts left')
  if (!request.sent || code !== settings.code) {
    request.attemptsLeft -= 1
    throw new Refusal('verify.code.wrong', 'Wrong code')
  }
  delete connection.dialogue.code
  const account = world.accountByPhone(request.phone)
  if (account) return tokenOrChallenge(call, account)
  const registration = { token: world.hex(96), phone: request.phone }
  connection.dialogue.registration = registration
  return { tokenAttrs: { REGISTER: { token: registration.token } }, presetAvatars: [] }
}

/** 115: the second factor. A wrong password may be tried again on the same track. */
export const checkPassword = (call: GreetedCall): WireMap => {
  const { world, connection, fields } = call
  const trackId = fields.string('trackId')
  const password = fields.string('password')
  const challenge = connection.dialogue.challenge
  const account = challenge && world.accounts.get(challenge.userId)
  if (!account || challenge.trackId !== trackId) throw trackNotFound()
  if (challenge.attemptsLeft === 0) {
    throw new Refusal('password2fa.no.attempts', 'No attempts left')
  }
  if (password !== account.password) {
    challenge.attemptsLeft -= 1
    throw new Refusal('password2fa.wrong', 'FAIL_WRONG_PASSWORD')
  }
  delete connection.dialogue.challenge
  return loginToken(call, account)
}

/** 23: a new account for the phone that was proved. */
export const register = (call: GreetedCall): WireMap => {
  const { world, connection, fields, device } = call
  const firstName = fields.string('firstName').trim()
  const lastName = fields.optional('lastName', (map, key) => map.string(key))
  const token = fields.string('token')
  if (fields.string('tokenType') !== 'REGISTER') throw malformed("'tokenType' unknown")
  if (firstName === '') throw malformed("'firstName' is empty")
  const registration = connection.dialogue.registration
  if (registration?.token !== token) throw new Refusal('auth.token.invalid', 'Unknown token')
  delete connection.dialogue.registration
  const account = world.createAccount({
    phone: registration.phone,
    firstName,
    ...(lastName ? { lastName } : {}),
  })
  return {
    userToken: wireId(account.id),
    profile: renderProfile(account),
    tokenType: 'LOGIN',
    token: world.sessions.create(account.id, device).tokens.at(-1),
  }
}

/** 288: a QR code for a phone to scan. */
export const requestQr = ({ world, settings, connection }: GreetedCall): WireMap => {
  const qr = {
    trackId: world.uuid(),
    link: `https://max.ru/:auth/${world.uuid()}`,
    expiresAt: world.now + settings.qrTtlMs,
  }
  connection.dialogue.qr = qr
  return {
    trackId: qr.trackId,
    qrLink: qr.link,
    expiresAt: wireTime(qr.expiresAt),
    pollingInterval: wireTime(settings.qrPollIntervalMs),
    ttl: wireTime(settings.qrTtlMs),
  }
}

/** 289: `loginAvailable` is missing until the code is approved. */
export const pollQr = (call: GreetedCall): WireMap => {
  const qr = liveQr(call)
  return {
    status: {
      expiresAt: wireTime(qr.expiresAt),
      loginAvailable: qr.approvedBy === undefined ? undefined : true,
    },
  }
}

/** 291: the approved code becomes a token. */
export const loginByQr = (call: GreetedCall): WireMap => {
  const qr = liveQr(call)
  const account = call.world.accounts.get(qr.approvedBy ?? 0)
  if (!account) throw new Refusal('proto.state', 'The login is not approved')
  delete call.connection.dialogue.qr
  return tokenOrChallenge(call, account)
}

/** 290, from a phone that is logged in. */
export const approveQr = ({ device, account, fields, approveQr: approve }: OnlineCall): null => {
  if (device.kind !== 'mobile') throw new Refusal('qr_login.disabled', 'Only a phone may approve')
  if (!approve(account.id, fields.string('qrLink'))) {
    throw new Refusal('qr_link.invalid', 'Unknown link')
  }
  return null
}

/** 224: where a person solves the captcha (§2.1). */
export const getCaptcha = ({ fields }: GreetedCall): WireMap => ({
  link: `https://max.ru/captcha?source=${encodeURIComponent(fields.string('source'))}`,
})

const liveQr = ({ world, connection, fields }: GreetedCall) => {
  const trackId = fields.string('trackId')
  const { qr } = connection.dialogue
  if (qr?.trackId !== trackId || world.now >= qr.expiresAt) throw trackNotFound()
  return qr
}

const trackNotFound = (): Refusal => new Refusal('track.not.found', 'Track not found')

const tokenOrChallenge = (call: GreetedCall, account: Account): WireMap => {
  const { world, settings, connection } = call
  if (account.password === undefined) return loginToken(call, account)
  const trackId = world.uuid()
  connection.dialogue.challenge = {
    trackId,
    userId: account.id,
    attemptsLeft: settings.passwordAttempts,
  }
  return { tokenAttrs: {}, passwordChallenge: { trackId, hint: 'sandbox' } }
}

const loginToken = ({ world, device }: GreetedCall, account: Account): WireMap => ({
  tokenAttrs: { LOGIN: { token: world.sessions.create(account.id, device).tokens.at(-1) } },
  profile: renderProfile(account),
})
