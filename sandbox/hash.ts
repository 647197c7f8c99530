/** FNV-1a in 64 bits as hex: equal texts have equal hashes. No protection against a forger. */
export const fnv64 = (text: string): string => {
  let hash = 0xcbf29ce484222325n
  for (const char of text) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0) ?? 0)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0')
}
