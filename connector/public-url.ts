/** Whether the gateway can be reached under an address: http(s), perhaps with a path, nothing else. */
export const isPublicUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === ''
}

/** As links go on from it. */
export const withoutSlash = (url: string): string => url.replace(/\/+$/, '')
