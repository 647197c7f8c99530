import { describe, expect, it } from 'vitest'
import { createVault } from './vault.ts'

const oldKey = 'aa'.repeat(32)
const newKey = 'bb'.repeat(32)

describe('createVault', () => {
  it('[VA1] opens what it sealed, only for the same purpose', async () => {
    const vault = createVault(oldKey)
    const sealed = await vault.seal('секрет', 'max-token')
    expect(sealed).not.toContain('секрет')
    expect(await vault.open(sealed, 'max-token')).toBe('секрет')
    await expect(vault.open(sealed, 'other')).rejects.toThrow()
    expect(await vault.seal('секрет', 'max-token')).not.toBe(sealed)
  })

  it('[VA2] a new key in front of the old one reads both', async () => {
    const sealed = await createVault(oldKey).seal('s', 'p')
    const rotated = createVault(`${newKey},${oldKey}`)
    expect(await rotated.open(sealed, 'p')).toBe('s')
    expect(await rotated.open(await rotated.seal('t', 'p'), 'p')).toBe('t')
    await expect(createVault(newKey).open(sealed, 'p')).rejects.toThrow(/master key/)
  })

  it('[VA4] signs for a purpose, and knows what any of its keys has signed', async () => {
    const old = createVault(oldKey)
    const rotated = createVault(`${newKey},${oldKey}`)
    const signature = await old.sign('text', 'link')
    expect(signature).toMatch(/^[\w-]{43}$/)
    expect(await rotated.sign('text', 'link')).not.toBe(signature)
    const verify = (text: string, given: string, purpose = 'link') =>
      rotated.verify(text, given, purpose)
    expect(await verify('text', signature)).toBe(true)
    expect(await verify('text', await rotated.sign('text', 'link'))).toBe(true)
    expect(await verify('Text', signature)).toBe(false)
    expect(await verify('text', signature, 'other')).toBe(false)
    expect(await createVault(newKey).verify('text', signature, 'link')).toBe(false)
    for (const wrong of ['', 'x', `${signature}A`, signature.slice(1), '!'.repeat(43)]) {
      expect(await verify('text', wrong)).toBe(false)
    }
  })

  it('[VA3] refuses tampered text and unusable keys', async () => {
    const vault = createVault(oldKey)
    const sealed = await vault.seal('s', 'p')
    const flipped = sealed.slice(0, -4) + (sealed.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    await expect(vault.open(flipped, 'p')).rejects.toThrow()
    await expect(vault.open('plain', 'p')).rejects.toThrow(/unreadable/)
    await expect(createVault('short').seal('s', 'p')).rejects.toThrow(/MAXAPI_MASTER_KEY/)
  })
})
