import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A CA and a server certificate signed by it, as PEM. */
export interface Certificates {
  ca: string
  certificate: string
  key: string
}

/**
 * Certificates for `localhost`, made anew at each start. The server's own one is a leaf: workerd does
 * not accept a CA certificate as the server's. Node reads certificates but writes none, so the few
 * fields of RFC 5280 that two of them need are encoded here.
 */
export const createCertificates = (now: number): Certificates => {
  const caKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const caName = 'MAX sandbox CA'
  const common = { issuer: caName, signingKey: caKeys.privateKey, now }
  const ca = certificate({
    ...common,
    serial: 1,
    subject: caName,
    publicKey: caKeys.publicKey,
    extensions: [
      extension('551d13', sequence(der(0x01, Buffer.of(0xff)))), // basicConstraints: a CA
      extension('551d0f', der(0x03, Buffer.of(1, 0b0000_0110))), // keyUsage: certificates, lists
    ],
  })
  const leaf = certificate({
    ...common,
    serial: 2,
    subject: 'localhost',
    publicKey: keys.publicKey,
    extensions: [
      extension('551d13', sequence()), // basicConstraints: no CA
      extension('551d0f', der(0x03, Buffer.of(7, 0b1000_0000))), // keyUsage: signatures
      extension('551d25', sequence(oid('2b06010505070301'))), // extKeyUsage: a server
      extension(
        '551d11', // subjectAltName
        sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.of(127, 0, 0, 1))),
        false,
      ),
    ],
  })
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { ca: pem(ca), certificate: pem(leaf), key }
}

interface CertificateFields {
  serial: number
  subject: string
  issuer: string
  publicKey: KeyObject
  signingKey: KeyObject
  extensions: Buffer[]
  now: number
}

const certificate = (fields: CertificateFields): Buffer => {
  const algorithm = sequence(oid('2a8648ce3d040302')) // ecdsa-with-SHA256
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.of(fields.serial)),
    algorithm,
    commonName(fields.issuer),
    sequence(utcTime(fields.now - 3_600_000), utcTime(fields.now + 30 * 86_400_000)),
    commonName(fields.subject),
    fields.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...fields.extensions)),
  )
  const signature = sign('sha256', signed, fields.signingKey)
  return sequence(signed, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature])))
}

/** Tag, length, content. */
const der = (tag: number, content: Buffer): Buffer => {
  const { length } = content
  const size =
    length < 0x80
      ? Buffer.of(length)
      : length < 0x100
        ? Buffer.of(0x81, length)
        : Buffer.of(0x82, length >>> 8, length & 0xff)
  return Buffer.concat([Buffer.of(tag), size, content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts))
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))

const commonName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name)))))

const utcTime = (ms: number): Buffer => {
  const digits = new Date(ms).toISOString().replace(/\D/g, '')
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`))
}

const extension = (id: string, value: Buffer, critical = true): Buffer =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value))

const pem = (bytes: Buffer): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
