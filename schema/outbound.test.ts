import { describe, expect, it } from 'vitest'
import { isLoopbackUrl, refuseOutbound } from './outbound.ts'

const strict = { allowPrivate: false }

describe('refuseOutbound', () => {
  it.each([
    'https://example.com/hook',
    'https://93.184.216.34/hook',
    'https://[2606:4700::6810:84e5]/hook',
  ])('lets %s through', (url) => {
    expect(refuseOutbound(url, strict)).toBeUndefined()
  })

  it.each([
    'http://example.com/hook',
    'ftp://example.com/',
    'https://user:secret@example.com/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[64:ff9b::10.0.0.1]/',
    'https://[64:ff9b:1::a00:1]/',
    'https://[2002:a00:1::]/',
    'https://[2001:0:1::1]/',
    'https://[fec0::1]/',
    'https://[4000::1]/',
    'https://[::]/',
    'https://[ff02::1]/',
    'https://168.63.129.16/',
    'https://198.18.0.1/',
    'https://192.0.2.1/',
    'https://255.255.255.255/',
    'https://0300.0250.1/',
    'https://１２７.0.0.1/',
    'https://127.1/',
    'https://db.localdomain/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://printer.local/',
    'https://metadata.google.internal/',
    'https://intranet/',
    'not a url',
  ])('refuses %s', (url) => {
    expect(refuseOutbound(url, strict)).toBeTypeOf('string')
  })

  it('allows a sandbox tenant of a local gateway this machine, and nothing else of the network', () => {
    const local = { allowPrivate: false, allowLoopback: true }
    for (const host of ['127.0.0.1:9000', 'localhost:9000', '[::1]:9000', '127.8.8.8']) {
      expect(refuseOutbound(`http://${host}/`, local)).toBeUndefined()
    }
    for (const host of [
      '169.254.169.254',
      '10.0.0.5:6379',
      'metadata.google.internal',
      'nas.local',
    ]) {
      expect(refuseOutbound(`http://${host}/`, local)).toBeTypeOf('string')
    }
  })

  it('knows this machine in any notation', () => {
    for (const host of ['localhost', '127.0.0.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]']) {
      expect(isLoopbackUrl(`http://${host}:80/`)).toBe(true)
    }
    for (const host of ['example.com', '10.0.0.1', 'localhost.example.com']) {
      expect(isLoopbackUrl(`http://${host}/`)).toBe(false)
    }
  })

  it('allows the own network when the deployment does, but never credentials', () => {
    expect(refuseOutbound('http://127.0.0.1:9000/', { allowPrivate: true })).toBeUndefined()
    expect(refuseOutbound('http://a:b@127.0.0.1/', { allowPrivate: true })).toMatch(/credentials/)
  })
})
