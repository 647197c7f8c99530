import { describe, expect, it } from 'vitest'
import { type KnownTenant, TokenCache } from './auth.ts'

const tenant = (id: string): KnownTenant => ({ id, generation: 1, wanted: false, sandbox: false })

describe('TokenCache', () => {
  it('forgets after half a minute', () => {
    const cache = new TokenCache()
    cache.set('hash', tenant('one'), 1_000)
    expect(cache.get('hash', 30_999)).toEqual(tenant('one'))
    expect(cache.get('hash', 31_000)).toBeUndefined()
  })

  it('forgets the one that was read longest ago when it is full', () => {
    const cache = new TokenCache()
    for (let index = 0; index < 10_000; index += 1) cache.set(`${index}`, tenant(`${index}`), 0)
    cache.set('0', tenant('0'), 0)
    cache.set('new', tenant('new'), 0)
    expect(cache.get('1', 0)).toBeUndefined()
    expect(cache.get('0', 0)).toBeDefined()
    expect(cache.get('new', 0)).toBeDefined()
  })
})
