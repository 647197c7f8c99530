interface QuickStart {
  url: string
  /** What stands for the admin token in a shell: itself, or a command that reads it. */
  adminToken: string
  /** API token for the tenant that the lines create. */
  tenantToken: string
}

const PORT = 9000
const RECEIVER =
  'require("http").createServer((q, s) => q.on("data", (d) => console.log(String(d)))' +
  `.on("end", () => s.end())).listen(${PORT})`

/**
 * Lines for a shell: a sandbox tenant logs in, sends a message, and its webhook gets one. Phone and
 * code are the demo account's, as `GET /sandbox` tells them.
 */
export const quickStart = ({ url, adminToken, tenantToken }: QuickStart): string[] => {
  const post = (path: string, body: object) =>
    `curl -H "token: $TOKEN" ${url}${path} -d '${JSON.stringify(body)}'`
  return [
    '# a webhook receiver on this machine',
    `node -e '${RECEIVER}' &`,
    '# a tenant that talks to the built-in MAX simulator',
    `ADMIN=${adminToken}`,
    `TOKEN=${tenantToken}`,
    `curl -H "Authorization: $ADMIN" ${url}/admin/users \\`,
    `  -d '{"name":"demo","sandbox":true,"webhook":"http://127.0.0.1:${PORT}/","token":"'$TOKEN'"}'`,
    '# log in, send, receive',
    post('/session/auth/request', { phone: '+79990000000' }),
    post('/session/auth/confirm', { code: '123456' }),
    post('/chat/send/text', { chatId: 0, text: 'Hello, MAX' }),
    post('/sandbox/incoming', { text: 'Hello, gateway' }),
  ]
}
