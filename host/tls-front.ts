import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { pipeline } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import { codeOf, HostError } from './host-error.ts'

export interface Certificate {
  cert: string
  key: string
}

/** Reads and checks the pair; `undefined` when none is configured. */
export const readCertificate = (certFile: string, keyFile: string): Certificate | undefined => {
  if (certFile === '') return undefined
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      throw new HostError(`cannot read ${file}: ${codeOf(error)}`, { cause: error })
    }
  }
  const cert = read(certFile)
  const key = read(keyFile)
  let matches: boolean
  try {
    matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch (error) {
    throw new HostError(`${certFile} and ${keyFile} must be PEM files`, { cause: error })
  }
  if (!matches) throw new HostError(`${keyFile} is not the private key of ${certFile}`)
  return { cert, key }
}

interface TlsFrontOptions extends Certificate {
  host: string
  port: number
  /** Port on 127.0.0.1 that speaks plain HTTP. */
  target: number
}

export interface TlsFront {
  port: number
  close(): Promise<void>
}

/** The runtime's direct socket cannot do TLS: this ends TLS before it, byte for byte. */
export const startTlsFront = async (options: TlsFrontOptions): Promise<TlsFront> => {
  const { host, port, cert, key, target } = options
  const open = new Set<TLSSocket>()
  const server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (client) => {
    open.add(client)
    client.once('close', () => open.delete(client))
    const upstream = connect({ host: '127.0.0.1', port: target, noDelay: true })
    client.setNoDelay(true)
    // Both sides end together; a broken connection is the client's business, not news.
    pipeline(client, upstream, client, () => {})
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
