import { expect, it, onTestFinished } from 'vitest'
import { startGateway } from '../support/gateway.ts'

it('a stop lets a send that is under way finish, and then ends cleanly', async () => {
  const gateway = await startGateway()
  onTestFinished(() => gateway.remove())
  const tenant = await gateway.createTenant({ sandbox: true })
  const { phone, code } = await tenant.get<{ phone: string; code: string }>('/sandbox')
  await tenant.post('/session/auth/request', { phone })
  await tenant.post('/session/auth/confirm', { code })
  await tenant.post('/sandbox/fault', { kind: 'slow', opcode: 64, delayMs: 1_500 })

  const sending = tenant.post<{ messageId: string }>('/chat/send/text', { chatId: 0, text: 'last' })
  // Under way for certain: the session has written it down.
  for (;;) {
    const { pendingSends } = await tenant.get<{ pendingSends: number }>('/session/status')
    if (pendingSends === 1) break
  }
  const stopped = gateway.stop()
  expect((await sending).messageId).toMatch(/^\d+$/)
  await stopped
  await expect(fetch(`${gateway.url}/health`)).rejects.toThrow()
})
