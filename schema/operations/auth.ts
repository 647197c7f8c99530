import { z } from 'zod'
import { GatewayError } from '../errors.ts'
import { phoneInput } from '../model.ts'
import type { LoginStep } from '../session-port.ts'
import { operation } from './define.ts'

const includeToken = z
  .boolean()
  .default(false)
  .describe('Return the MAX token as `authToken`; the administrator only')

const codeOutput = z.looseObject({
  message: z.string(),
  codeLength: z.number(),
  resendAfterMs: z.number(),
})
const loginOutput = z.looseObject({
  message: z.string(),
  requiresPassword: z.boolean(),
  requiresRegistration: z.boolean(),
})

const loginErrors = [
  'NO_PENDING_LOGIN',
  'CODE_WRONG',
  'CODE_EXPIRED',
  'PASSWORD_WRONG',
  'ATTEMPTS_EXHAUSTED',
  'CAPTCHA_REQUIRED',
  'ACCOUNT_BLOCKED',
] as const

const codeSent = (step: LoginStep) => {
  if (step.step !== 'code') throw new GatewayError('BAD_UPSTREAM')
  const { step: _step, ...rest } = step
  return { message: 'Verification code sent', ...rest }
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
  ...(step.step === 'done' && withToken && step.token !== undefined
    ? { authToken: step.token }
    : {}),
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
    input: z.object({}),
    output: z.looseObject({
      qrLink: z.string(),
      qrcode: z.string().describe('PNG as a data: URL'),
      expiresAt: z.number().describe('Unix ms'),
    }),
    errors: ['ALREADY_LOGGED_IN'],
    run: async (session) => {
      const qr = await session.qr()
      return { qrLink: qr.link, expiresAt: qr.expiresAt, pollingInterval: qr.pollingIntervalMs }
    },
  }),
}
