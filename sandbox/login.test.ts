import { describe, expect, it } from 'vitest'
import { Opcode } from '../schema/opcodes.ts'
import { asMap, asMaps, type WireMap } from '../schema/wire.ts'
import { createPair, createSimulator, TestLine } from '../test/sandbox/line.ts'
import { loginPayload } from '../test/sandbox/payloads.ts'

const loginToken = (answer: WireMap): string => String(asMap(asMap(answer.tokenAttrs).LOGIN).token)

const requestCode = (line: TestLine, phone: string): WireMap =>
  line.call(Opcode.AUTH_REQUEST, { phone, type: 'START_AUTH', language: 'ru' })

const checkCode = (token: unknown, verifyCode = '123456'): WireMap => ({
  token: String(token),
  verifyCode,
  authTokenType: 'CHECK_CODE',
})

describe('login by SMS', () => {
  it('turns a code into a token that LOGIN accepts', () => {
    const { sim } = createSimulator()
    const { phone, id } = sim.direct.createAccount()
    const line = new TestLine(sim).greet()
    const { token, codeLength, requestCountLeft } = requestCode(line, phone)
    expect(codeLength).toBe(6)
    expect(requestCountLeft).toBe(9)
    const answer = line.call(Opcode.AUTH, checkCode(token))
    const login = line.call(Opcode.LOGIN, loginPayload(loginToken(answer)))
    expect(asMap(asMap(login.profile).contact).id).toBe(id)
  })

  it('lets a wrong code be tried again until the attempts are used up', () => {
    const { sim } = createSimulator({ settings: { codeAttempts: 2 } })
    const { phone } = sim.direct.createAccount()
    const line = new TestLine(sim).greet()
    const { token } = requestCode(line, phone)
    expect(line.refusal(Opcode.AUTH, checkCode(token, '000000'))).toBe('verify.code.wrong')
    expect(line.refusal(Opcode.AUTH, checkCode(token, '000000'))).toBe('verify.code.wrong')
    expect(line.refusal(Opcode.AUTH, checkCode(token))).toBe('error.code.attempt.limit')
  })

  it('refuses an expired code and a token of another connection', () => {
    const { sim, clock } = createSimulator()
    const { phone } = sim.direct.createAccount()
    const line = new TestLine(sim).greet()
    const { token } = requestCode(line, phone)
    const other = new TestLine(sim).greet()
    expect(other.refusal(Opcode.AUTH, checkCode(token))).toBe('service.unavailable')
    clock.advance(300_000)
    expect(line.refusal(Opcode.AUTH, checkCode(token))).toBe('verify.code.expired')
  })

  it('refuses a bad phone and too many requests', () => {
    const { sim } = createSimulator({ settings: { codeRequests: 1 } })
    const line = new TestLine(sim).greet()
    const payload = { phone: '+79990000001', type: 'START_AUTH' }
    expect(line.refusal(Opcode.AUTH_REQUEST, { ...payload, phone: '8999' })).toBe('phone.wrong')
    line.call(Opcode.AUTH_REQUEST, payload)
    expect(line.refusal(Opcode.AUTH_REQUEST, payload)).toBe('error.limit.violate')
  })

  it('asks for a captcha, or sends nothing, as told', () => {
    const { sim } = createSimulator({ settings: { sms: 'captcha' } })
    const line = new TestLine(sim).greet()
    const payload = { phone: '+79990000001', type: 'START_AUTH' }
    expect(line.refusal(Opcode.AUTH_REQUEST, payload)).toBe('captcha.required')
    expect(
      line.call(Opcode.GET_CAPTCHA, { source: 'auth', identifier: payload.phone }).link,
    ).toMatch(/^https:/)
    expect(line.refusal(Opcode.AUTH_REQUEST, { ...payload, captchaToken: 'solved' })).toBe('none')

    sim.settings.sms = 'silent'
    const { token } = requestCode(line, payload.phone)
    expect(line.refusal(Opcode.AUTH, checkCode(token))).toBe('verify.code.wrong')
  })

  it('wants the cloud password of an account that has one', () => {
    const { sim } = createSimulator({ settings: { passwordAttempts: 2 } })
    const { phone } = sim.direct.createAccount({ password: 'secret' })
    const line = new TestLine(sim).greet()
    const challenge = () => {
      const answer = line.call(Opcode.AUTH, checkCode(requestCode(line, phone).token))
      expect(answer.tokenAttrs).toEqual({})
      return String(asMap(answer.passwordChallenge).trackId)
    }
    const check = (trackId: string, password: string) => ({ trackId, password })
    const op = Opcode.AUTH_LOGIN_CHECK_PASSWORD
    const first = challenge()
    expect(line.refusal(op, check('unknown', 'secret'))).toBe('track.not.found')
    expect(line.refusal(op, check(first, 'wrong'))).toBe('password2fa.wrong')
    const token = loginToken(line.call(op, check(first, 'secret')))
    expect(line.call(Opcode.LOGIN, loginPayload(token)).token).toBe(token)

    const second = challenge()
    line.refusal(op, check(second, 'wrong'))
    line.refusal(op, check(second, 'wrong'))
    expect(line.refusal(op, check(second, 'secret'))).toBe('password2fa.no.attempts')
  })

  it('registers the owner of an unknown phone', () => {
    const { sim } = createSimulator()
    const line = new TestLine(sim).greet()
    const answer = line.call(Opcode.AUTH, checkCode(requestCode(line, '+79991112233').token))
    const { token } = asMap(asMap(answer.tokenAttrs).REGISTER)
    const registered = line.call(Opcode.AUTH_CONFIRM, {
      token,
      tokenType: 'REGISTER',
      firstName: 'Нина',
    })
    expect(sim.world.accountByPhone('+79991112233')?.id).toBe(registered.userToken)
    expect(line.refusal(Opcode.LOGIN, loginPayload(String(registered.token)))).toBe('none')
  })
})

describe('login by QR', () => {
  const scan = () => {
    const { sim, clock } = createSimulator()
    const { id } = sim.direct.createAccount()
    const line = new TestLine(sim).greet()
    const qr = line.call(Opcode.GET_QR)
    return { sim, clock, id, line, qr, track: { trackId: String(qr.trackId) } }
  }

  it('gives a token once the code is approved', () => {
    const { sim, clock, id, line, qr, track } = scan()
    expect(qr.qrLink).toMatch(/^https:\/\/max\.ru\/:auth\/[0-9a-f-]{36}$/)
    expect(qr).toMatchObject({ pollingInterval: 5000, ttl: 120_000 })
    expect(qr.expiresAt).toBe(clock.now() + 120_000)
    expect(asMap(line.call(Opcode.GET_QR_STATUS, track).status)).toEqual({
      expiresAt: qr.expiresAt,
    })
    expect(line.refusal(Opcode.LOGIN_BY_QR, track)).toBe('proto.state')
    expect(sim.direct.approveQr(id, String(qr.qrLink))).toBe(true)
    expect(asMap(line.call(Opcode.GET_QR_STATUS, track).status).loginAvailable).toBe(true)
    const token = loginToken(line.call(Opcode.LOGIN_BY_QR, track))
    expect(line.refusal(Opcode.LOGIN, loginPayload(token))).toBe('none')
  })

  it('binds the track to its connection and lets it expire', () => {
    const { sim, clock, line, track } = scan()
    const other = new TestLine(sim).greet()
    expect(other.refusal(Opcode.GET_QR_STATUS, track)).toBe('track.not.found')
    clock.advance(120_000)
    expect(line.refusal(Opcode.GET_QR_STATUS, track)).toBe('track.not.found')
  })

  it('is approved by a phone that is logged in, and by nothing else', () => {
    const { sim, id, line, qr, track } = scan()
    const phone = new TestLine(sim, 'tcp')
    phone.login(sim.direct.issueToken(id).token)
    expect(phone.refusal(Opcode.AUTH_QR_APPROVE, { qrLink: 'https://max.ru/:auth/no' })).toBe(
      'qr_link.invalid',
    )
    phone.call(Opcode.AUTH_QR_APPROVE, { qrLink: String(qr.qrLink) })
    expect(asMap(line.call(Opcode.GET_QR_STATUS, track).status).loginAvailable).toBe(true)
    const web = new TestLine(sim)
    web.login(sim.direct.issueToken(id).token)
    expect(web.refusal(Opcode.AUTH_QR_APPROVE, { qrLink: String(qr.qrLink) })).toBe(
      'qr_login.disabled',
    )
  })
})

describe('LOGIN', () => {
  it('refuses unknown tokens and those of another kind of device', () => {
    const { sim } = createSimulator()
    const { id } = sim.direct.createAccount()
    const device = { id: 'd', kind: 'mobile', name: 'n', osVersion: 'o', appVersion: 'a' } as const
    const token = sim.world.sessions.create(id, device).tokens[0] ?? ''
    const line = new TestLine(sim).greet()
    expect(line.refusal(Opcode.LOGIN, loginPayload('unknown'))).toBe('login.token')
    expect(line.refusal(Opcode.LOGIN, loginPayload(token))).toBe('login.token')
    const phone = new TestLine(sim, 'tcp').greet()
    expect(phone.refusal(Opcode.LOGIN, loginPayload(token))).toBe('none')
  })

  it('answers a marker with what changed since, and nothing twice', () => {
    const { sim, clock, anna, bob, annaToken, bobLine, write } = createPair()
    const line = new TestLine(sim)
    clock.advance(1)
    const first = line.login(annaToken)
    expect(asMaps(first.chats)).toHaveLength(2) // the dialog and saved messages
    expect(asMaps(first.contacts)).toHaveLength(1)
    expect(first.messages).toEqual({})
    const markers = { chatsSync: first.time, contactsSync: first.time }
    expect(line.call(Opcode.LOGIN, loginPayload(annaToken, markers))).toMatchObject({
      chats: [],
      contacts: [],
    })
    // In the very millisecond of the LOGIN: the change must still be newer than its time.
    write(bobLine, 'now')
    const delta = line.call(Opcode.LOGIN, loginPayload(annaToken, markers))
    expect(asMaps(delta.chats)).toHaveLength(1)
    expect(Object.keys(asMap(asMaps(delta.chats)[0]?.participants))).toEqual(
      [anna.id, bob.id].sort((a, b) => a - b).map(String),
    )
  })

  it('sorts chats by their newest event and cuts at chatsCount', () => {
    const { sim, clock, anna, annaToken } = createPair()
    const third = sim.direct.createAccount()
    clock.advance(10)
    const { chatId } = sim.direct.incoming({ to: anna.id, from: third.id, text: 'new' })
    const { chats } = new TestLine(sim).login(annaToken, { chatsCount: 1 })
    expect(asMaps(chats).map((chat) => chat.id)).toEqual([chatId])
  })

  it('leaves the config out for its current hash', () => {
    const { sim, annaToken, annaLine } = createPair()
    const full = asMap(new TestLine(sim).login(annaToken).config)
    expect(full.server).toBeDefined()
    const { hash } = full
    expect(asMap(new TestLine(sim).login(annaToken, { configHash: hash }).config)).toEqual({ hash })
    annaLine.call(Opcode.CONFIG, { settings: { user: { HIDDEN: true } } })
    const changed = asMap(new TestLine(sim).login(annaToken, { configHash: hash }).config)
    expect(changed.user).toEqual({ HIDDEN: true })
    expect(changed.server).toBeUndefined()
  })

  it.each(['same', 'new', 'absent'] as const)('hands back a token: %s', (rotateToken) => {
    const { sim, annaToken } = createPair({ settings: { rotateToken } })
    const { token } = new TestLine(sim).login(annaToken)
    if (rotateToken === 'same') expect(token).toBe(annaToken)
    if (rotateToken === 'absent') expect(token).toBeUndefined()
    if (rotateToken === 'new') {
      expect(token).not.toBe(annaToken)
      new TestLine(sim).login(String(token))
    }
    new TestLine(sim).login(annaToken) // the old one stays valid
  })

  it('ends the session at LOGOUT, with all its tokens', () => {
    const { sim, annaLine, annaToken } = createPair()
    expect(annaLine.call(Opcode.LOGOUT)).toEqual({})
    expect(annaLine.refusal(Opcode.CHATS_LIST, { marker: 0 })).toBe('session.state')
    expect(new TestLine(sim).greet().refusal(Opcode.LOGIN, loginPayload(annaToken))).toBe(
      'login.token',
    )
  })

  it('lists sessions, and closes the others with a new token for this one', () => {
    const { sim, anna, annaLine, annaToken } = createPair()
    const other = new TestLine(sim)
    const otherToken = sim.direct.issueToken(anna.id).token
    other.login(otherToken)
    const sessions = asMaps(annaLine.call(Opcode.SESSIONS_INFO).sessions)
    expect(sessions.map((session) => session.current)).toEqual([true, false])
    expect(sessions[0]).not.toHaveProperty('id')
    const { token } = annaLine.call(Opcode.SESSIONS_CLOSE)
    expect(other.closed).toMatchObject({ code: 1000 })
    new TestLine(sim).login(String(token))
    for (const dead of [annaToken, otherToken]) {
      const refusal = new TestLine(sim).greet().refusal(Opcode.LOGIN, loginPayload(dead))
      expect(refusal).toBe('login.token')
    }
  })
})
