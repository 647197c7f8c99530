/**
 * What an administrator of a group or channel may do: MAX's bits by name
 * (operations-and-events.md §2.9). 1 and 32 belong together: without them a bot sees nothing. What 64
 * stands for is not confirmed. 256 to 1024 are for channels.
 */
export const permissionBits = {
  readMessages: 1,
  manageMembers: 2,
  appointAdmins: 4,
  changeInfo: 8,
  pinMessages: 16,
  writeMessages: 32,
  manageCalls: 64,
  changeLink: 128,
  postMessages: 256,
  editMessages: 512,
  deleteMessages: 1024,
} as const

export type Permission = keyof typeof permissionBits

export const permissionNames = Object.keys(permissionBits) as [Permission, ...Permission[]]

/** Everything that is known: what an owner has. */
export const ALL_PERMISSIONS = Object.values(permissionBits).reduce((sum, bit) => sum | bit, 0)

export const permissionMask = (names: readonly Permission[]): number =>
  names.reduce((mask, name) => mask | permissionBits[name], 0)

/** The names of a mask's bits; one that has no name yet reads `bit<value>`. */
export const namesOfPermissions = (mask: number): string[] => {
  const names: string[] = permissionNames.filter((name) => (mask & permissionBits[name]) !== 0)
  for (let bit = 1; bit > 0 && bit <= mask; bit <<= 1) {
    if ((mask & bit) !== 0 && (ALL_PERMISSIONS & bit) === 0) names.push(`bit${bit}`)
  }
  return names
}
