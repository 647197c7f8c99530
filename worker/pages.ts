import { GatewayError } from '../schema/errors.ts'

/** Serves files by exact path: static assets on Cloudflare, a folder on one's own machine. */
export interface Assets {
  fetch(request: Request): Promise<Response>
}

/** The files of the reference page. Its address has no slash at the end: its links start from `/`. */
export const pages: Record<string, string> = {
  '/docs': '/docs/index.html',
  '/docs/start.js': '/docs/start.js',
  '/docs/swagger-ui.css': '/docs/swagger-ui.css',
  '/docs/swagger-ui-bundle.js': '/docs/swagger-ui-bundle.js',
  '/docs/favicon-32x32.png': '/docs/favicon-32x32.png',
}

const contentTypes: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  png: 'image/png',
}

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * The file behind a page's path.
 * @throws {GatewayError} NOT_FOUND when the deployment does not have it.
 */
export const servePage = async (
  assets: Assets | undefined,
  request: Request,
  file: string,
): Promise<Response> => {
  if (assets === undefined) throw new GatewayError('NOT_FOUND')
  const known = request.headers.get('if-none-match')
  const found = await assets.fetch(
    new Request(new URL(file, request.url), {
      headers: known === null ? {} : { 'if-none-match': known },
    }),
  )
  if (found.status !== 200 && found.status !== 304) throw new GatewayError('NOT_FOUND')
  const headers = new Headers({
    'Content-Type': contentTypes[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  })
  const etag = found.headers.get('etag')
  if (etag !== null) headers.set('ETag', etag)
  return new Response(found.body, { status: found.status, headers })
}
