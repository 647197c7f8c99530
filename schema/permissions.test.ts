import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  ALL_PERMISSIONS,
  namesOfPermissions,
  permissionBits,
  permissionMask,
  permissionNames,
} from './permissions.ts'

it('gives every bit one name', () => {
  expect(new Set(Object.values(permissionBits)).size).toBe(permissionNames.length)
  expect(ALL_PERMISSIONS).toBe(2047)
})

it('reads back the names that made a mask', () => {
  fc.assert(
    fc.property(fc.subarray([...permissionNames]), (names) => {
      expect(namesOfPermissions(permissionMask(names))).toEqual(names)
    }),
  )
})

it('shows a bit that has no name yet, also the highest', () => {
  expect(namesOfPermissions(2 + 4096)).toEqual(['manageMembers', 'bit4096'])
  expect(namesOfPermissions(0x7fffffff)).toContain('bit1073741824')
})
