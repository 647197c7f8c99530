import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { phoneInput } from '../model.ts'
import type { LoginStep } from '../session-port.ts'
import { dialErrors, operation } from './define.ts'

const includeToken = z
  .boolean()
  .default(false)
  .describe('Return the MAX token as `authToken`; the administrator only')

/** Older clients want the field; what it held leaves the session no more. */
const emptyToken = z.literal('').describe('Always empty: the session keeps the login to itself')

const codeOutput = z.looseObject({
  message: z.string(),
  tempToken: emptyToken,
  codeLength: z.number(),
  resendAfterMs: z.number(),
})
const loginOutput = z.looseObject({
  message: z.string(),
  requiresPassword: z.boolean(),
  requiresRegistration: z.boolean(),
  authToken: z.string().describe('Empty unless it was asked for with `includeToken`'),
  registerToken: emptyToken,
})

const loginErrors = [
  ...dialErrors,
  'FORBIDDEN',
  'NO_PENDING_LOGIN',
  'CODE_WRONG',
  'CODE_EXPIRED',
  'PASSWORD_WRONG',
  'ATTEMPTS_EXHAUSTED',
  'TOO_MANY_ATTEMPTS',
  'CAPTCHA_REQUIRED',
] as const

const codeSent = (step: LoginStep) => {
  if (step.step !== 'code') throw new GatewayError('BAD_UPSTREAM')
  const { step: _step, ...rest } = step
  return { message: 'Verification code sent', tempToken: '', ...rest }
}

const messages = {
  code: 'Verification code sent',
  password: 'Password required',
  registration: 'Registration required',
  done: 'Login successful',
} as const

const loginResult = (step: LoginStep, withToken: boolean) => ({
  message: messages[step.step],
  requiresPassword: step.step === 'password',
  requiresRegistration: step.step === 'registration',
  ...(step.step === 'password' && step.hint !== undefined ? { passwordHint: step.hint } : {}),
  ...(step.step === 'done' ? { maxUserID: step.maxUserID } : {}),
  authToken: (step.step === 'done' && withToken ? step.token : undefined) ?? '',
  registerToken: '',
})

/** The MAX token leaves the gateway only for the administrator, and only when asked for. */
const tokenAllowed = (asked: boolean, context: { admin?: boolean }): boolean => {
  if (asked && !context.admin) {
    throw new GatewayError('FORBIDDEN', 'includeToken needs the admin token as well', {
      field: 'includeToken',
    })
  }
  return asked
}

export const authOperations = {
  requestCode: operation({
    method: 'POST',
    path: '/session/auth/request',
    scope: 'tenant',
    summary: 'Log in by SMS, step 1: ask MAX to send a code',
    description:
      'MAX sends an SMS to the phone. On the live web service this ends at a captcha today ' +
      '(CAPTCHA_REQUIRED, with the page a person could open); the QR code works. Asking again before the ' +
      'code came replaces the login that is under way.',
    example: {
      input: { phone: '+79990000000' },
      output: {
        message: 'Verification code sent',
        tempToken: '',
        codeLength: 6,
        resendAfterMs: 60000,
        requestsLeft: 9,
      },
    },
    input: z.object({ phone: phoneInput, language: z.string().min(2).max(8).default('ru') }),
    output: codeOutput,
    errors: [...loginErrors, 'PHONE_REFUSED', 'ALREADY_LOGGED_IN'],
    run: async (session, input) => codeSent(await session.requestCode(input.phone, input.language)),
  }),
  resendCode: operation({
    method: 'POST',
    path: '/session/auth/resend',
    scope: 'tenant',
    summary: 'Ask for another code',
    description: 'For the phone of the login that is under way.',
    example: {
      input: {},
      output: {
        message: 'Verification code sent',
        tempToken: '',
        codeLength: 6,
        resendAfterMs: 60000,
      },
    },
    input: z.object({}),
    output: codeOutput,
    errors: loginErrors,
    run: async (session) => codeSent(await session.resendCode()),
  }),
  confirmCode: operation({
    method: 'POST',
    path: '/session/auth/confirm',
    scope: 'tenant',
    summary: 'Log in by SMS, step 2: the code',
    description:
      'Online afterwards, unless the account has a cloud password (`requiresPassword`) or the phone has ' +
      'no account yet (`requiresRegistration`). A wrong code may be entered again; after ten wrong ones ' +
      'the gateway makes each next one wait a minute.',
    example: {
      input: { code: '123456' },
      output: {
        message: 'Login successful',
        requiresPassword: false,
        requiresRegistration: false,
        authToken: '',
        registerToken: '',
        maxUserID: 120000017,
      },
    },
    input: z.object({
      code: z
        .string()
        .trim()
        .regex(/^\d{4,8}$/, 'expected the digits of the SMS code'),
      includeToken,
    }),
    output: loginOutput,
    errors: loginErrors,
    run: async (session, input, context) => {
      const withToken = tokenAllowed(input.includeToken, context)
      return loginResult(await session.confirmCode(input.code), withToken)
    },
  }),
  checkPassword: operation({
    method: 'POST',
    path: '/session/auth/password',
    scope: 'tenant',
    summary: 'The cloud password, when the account has one; after SMS or QR',
    description: 'A wrong password may be entered again, and counts like a wrong code.',
    example: {
      input: { password: 'correct horse' },
      output: {
        message: 'Login successful',
        requiresPassword: false,
        requiresRegistration: false,
        authToken: '',
        registerToken: '',
        maxUserID: 120000017,
      },
    },
    input: z.object({ password: z.string().min(1).max(200), includeToken }),
    output: loginOutput,
    errors: loginErrors,
    run: async (session, input, context) => {
      const withToken = tokenAllowed(input.includeToken, context)
      return loginResult(await session.checkPassword(input.password), withToken)
    },
  }),
  register: operation({
    method: 'POST',
    path: '/session/auth/register',
    scope: 'tenant',
    summary: 'Create a MAX account for a new phone number',
    description: 'Only after a code whose answer said `requiresRegistration`.',
    example: {
      input: { firstName: 'Ann', lastName: 'Smith' },
      output: {
        message: 'Login successful',
        requiresPassword: false,
        requiresRegistration: false,
        authToken: '',
        registerToken: '',
        maxUserID: 120000017,
      },
    },
    input: z.object({
      firstName: z.string().trim().min(1).max(64),
      lastName: z.string().trim().max(64).optional(),
      includeToken,
    }),
    output: loginOutput,
    errors: loginErrors,
    run: async (session, input, context) => {
      const withToken = tokenAllowed(input.includeToken, context)
      return loginResult(await session.register(input.firstName, input.lastName), withToken)
    },
  }),
  adoptToken: operation({
    method: 'POST',
    path: '/session/auth/token',
    scope: 'tenant',
    summary: 'Take over an existing MAX token with its device id',
    description:
      'A token that was made by a web session; MAX refuses one of another kind of device. Give the device ' +
      'id it was made with, if you know it. A token that does not work leaves no trace.',
    example: {
      input: { authToken: 'An_EXAMPLE', deviceId: '6f1c0f0e-8f0a-4a3c-9a55-0d8a1d6a4c11' },
      output: {
        message: 'Login successful',
        requiresPassword: false,
        requiresRegistration: false,
        authToken: '',
        registerToken: '',
        maxUserID: 120000017,
      },
    },
    input: z.object({
      authToken: z.string().min(8).max(4096),
      deviceId: z
        .string()
        .regex(/^[\w-]{8,64}$/, 'expected the device id the token was made with')
        .optional(),
    }),
    output: loginOutput,
    errors: [...loginErrors, 'LOGIN_REQUIRED', 'ALREADY_LOGGED_IN'],
    run: async (session, input) =>
      loginResult(await session.adoptToken(input.authToken, input.deviceId), false),
  }),
  getQr: operation({
    method: 'GET',
    path: '/session/qr',
    scope: 'tenant',
    summary: 'The QR code to scan with the MAX app; begins a QR login when none runs',
    description:
      'Ask again every few seconds: an expired code is replaced by a fresh one, ten times at most. ' +
      '`GET /session/status` tells when it was scanned and approved.',
    example: {
      input: {},
      output: {
        qrLink: 'https://max.ru/:auth/EXAMPLE',
        qrcode: 'data:image/png;base64,iVBORw0KGgo=',
        expiresAt: 1790000120000,
        pollingInterval: 5000,
      },
    },
    input: z.object({}),
    output: z.looseObject({
      qrLink: z.string(),
      qrcode: z.string().describe('PNG as a data: URL'),
      expiresAt: z.number().describe('Unix ms'),
    }),
    errors: [...dialErrors, 'ALREADY_LOGGED_IN'],
    run: async (session) => {
      const qr = await session.qr()
      return { qrLink: qr.link, expiresAt: qr.expiresAt, pollingInterval: qr.pollingIntervalMs }
    },
  }),
  startQr: operation({
    method: 'POST',
    path: '/session/auth/qr/start',
    scope: 'tenant',
    summary: 'Begin a QR login (older form of GET /session/qr)',
    description:
      'The code that is valid now, or a fresh one. Ask `GET /session/auth/qr/status` until it says ' +
      '`authorized`.',
    input: z.object({}),
    output: z.looseObject({
      qrLink: z.string(),
      qrCodeBase64: z.string().describe('PNG as a data: URL'),
      trackId: z.string(),
      pollingInterval: z.number().describe('Milliseconds'),
      ttl: z.number().describe('Milliseconds until the code expires'),
      expiresAt: z.number().describe('Unix ms'),
    }),
    example: {
      input: {},
      output: {
        qrLink: 'https://max.ru/:auth/EXAMPLE',
        qrCodeBase64: 'data:image/png;base64,iVBORw0KGgo=',
        trackId: '0b6c9f1e-52c3-4b7e-9d55-3f0a4f7e2a10',
        pollingInterval: 5000,
        ttl: 120000,
        expiresAt: 1790000120000,
      },
    },
    errors: [...dialErrors, 'ALREADY_LOGGED_IN'],
    run: async (session) => {
      const qr = await session.qr()
      return {
        qrLink: qr.link,
        trackId: qr.trackId,
        pollingInterval: qr.pollingIntervalMs,
        ttl: Math.max(0, qr.expiresAt - session.now()),
        expiresAt: qr.expiresAt,
      }
    },
  }),
  getQrStatus: operation({
    method: 'GET',
    path: '/session/auth/qr/status',
    scope: 'tenant',
    summary: 'How far a QR login is',
    description:
      '`pending` until the code is approved, `scanned` when the account has a cloud password that must ' +
      'follow (`POST /session/auth/password`), `authorized` once there is an account, else `expired`. ' +
      'Older versions added the MAX token here; it does not leave the gateway.',
    input: z.object({}),
    output: z.looseObject({
      status: z.enum(['pending', 'scanned', 'authorized', 'expired']),
      requiresPassword: z.boolean(),
    }),
    example: { input: {}, output: { status: 'pending', requiresPassword: false } },
    run: async (session) => {
      const { authenticated, state } = session.status()
      const requiresPassword = state === 'awaiting_password'
      const open = requiresPassword ? 'scanned' : state === 'awaiting_qr' ? 'pending' : 'expired'
      const status: 'pending' | 'scanned' | 'authorized' | 'expired' = authenticated
        ? 'authorized'
        : open
      return { status, requiresPassword }
    },
  }),
  cancelQr: operation({
    method: 'POST',
    path: '/session/auth/qr/cancel',
    scope: 'tenant',
    summary: 'End a login that is under way',
    description: 'Whatever step it is at, SMS as well. Without one nothing changes.',
    input: z.object({}),
    output: z.looseObject({ message: z.string() }),
    example: { input: {}, output: { message: 'QR session cancelled' } },
    errors: ['ALREADY_LOGGED_IN'],
    run: async (session) => {
      if (session.status().authenticated) {
        throw new GatewayError('ALREADY_LOGGED_IN', 'The login is done: log out to end it')
      }
      session.cancelLogin()
      return { message: 'QR session cancelled' }
    },
  }),
}
