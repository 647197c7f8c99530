interface QuickStart {
  url: string
  /** What stands for the admin token in a shell: itself, or a command that reads it. */
  adminToken: string
  /** API token for the tenant that the lines create. */
  tenantToken: string
}

const RECEIVER =
  `require("http").createServer((q, s) => q.on("data", (d) => console.log(String(d)))` +
  `.on("end", () => s.end())).listen(9000)`

/** Lines for a shell: a sandbox tenant logs in, sends a message, and its webhook gets the answer. */
export const quickStart = ({ url, adminToken, tenantToken }: QuickStart): string[] => {
  const post = (path: string, body: unknown) =>
    `curl -sH "token: $TOKEN" ${url}${path} -d '${JSON.stringify(body)}'`
  return [
    `ADMIN=${adminToken} TOKEN=${tenantToken}`,
    `node -e '${RECEIVER}' &`,
    `curl -sH "Authorization: $ADMIN" ${url}/admin/users -d '{"name":"demo","sandbox":true,` +
      `"webhook":"http://127.0.0.1:9000/","token":"'$TOKEN'"}'`,
    `PHONE=$(curl -sH "token: $TOKEN" ${url}/sandbox | grep -o '"phone":"[^"]*"' | head -1 | cut -d'"' -f4)`,
    `curl -sH "token: $TOKEN" ${url}/session/auth/request -d '{"phone":"'$PHONE'"}'`,
    post('/session/auth/confirm', { code: '123456' }),
    post('/chat/send/text', { chatId: 0, text: 'Hello, MAX' }),
    post('/sandbox/incoming', { text: 'Hello, gateway' }),
  ]
}
