interface QuickStart {
  url: string
  /** What stands for the admin token in a shell: itself, or a command that reads it. */
  adminToken: string
  /** API token for the tenant that the lines create. */
  tenantToken: string
}

const RECEIVER_PORT = 9000
const RECEIVER =
  'require("http").createServer((q, s) => q.on("data", (d) => console.log(String(d)))' +
  `.on("end", () => s.end())).listen(${RECEIVER_PORT})`

/**
 * Lines for a shell: a sandbox tenant logs in, sends a message, and its webhook gets the answer.
 * The README explains the same steps; phones and code are the simulator's, as `GET /sandbox` tells.
 */
export const quickStart = ({ url, adminToken, tenantToken }: QuickStart): string[] => {
  const post = (path: string, body: object) =>
    `curl -s -H "token: $TOKEN" $URL${path} -d '${JSON.stringify(body)}'`
  return [
    '# a webhook receiver on this machine',
    `node -e '${RECEIVER}' &`,
    '# a tenant that talks to the built-in MAX simulator',
    `URL=${url} ADMIN=${adminToken} TOKEN=${tenantToken}`,
    'curl -s -H "Authorization: $ADMIN" $URL/admin/users \\',
    `  -d '{"name":"demo","sandbox":true,"webhook":"http://127.0.0.1:${RECEIVER_PORT}/","token":"'$TOKEN'"}'`,
    '# log in by SMS, send, and be written to',
    post('/session/auth/request', { phone: '+79990000000' }),
    post('/session/auth/confirm', { code: '123456' }),
    post('/chat/send/text', { phone: '+79990000001', text: 'Hello, Anna' }),
    post('/sandbox/incoming', { text: 'Hello, gateway' }),
  ]
}
