import { isPublicUrl, withoutSlash } from '../connector/public-url.ts'

/** Turn the text of a setting into its value; they throw what is expected: "must be …". */

const expected = (what: string) => new Error(`must be ${what}`)

export const text = (value: string): string => value

export const notEmpty = (value: string): string => {
  if (value.trim() === '') throw new Error('must not be empty')
  return value
}

export const wholeNumber = (min: number, max: number) => (value: string) => {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) throw expected(`${min} to ${max}`)
  return number
}

export const oneOf =
  <const Choice extends string>(...choices: Choice[]) =>
  (value: string): Choice => {
    const choice = choices.find((each) => each === value.toLowerCase())
    if (choice === undefined) throw expected(choices.join(' or '))
    return choice
  }

export const yesOrNo = (value: string): boolean => {
  if (/^(1|t|true)$/i.test(value)) return true
  if (/^(0|f|false)$/i.test(value)) return false
  throw expected('true or false')
}

export const url =
  (...schemes: string[]) =>
  (value: string): string => {
    const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : ''
    if (!schemes.includes(scheme)) throw expected(`a ${schemes.join('://, ')}:// URL`)
    return value
  }

export const publicUrl = (value: string): string => {
  if (!isPublicUrl(value)) throw expected('an http:// or https:// URL without a query')
  return withoutSlash(value)
}

export const token = (value: string): string => {
  if (!/^[\x21-\x7e]{8,200}$/.test(value)) throw expected('8 to 200 ASCII characters, no blanks')
  return value
}

/** Newest first, so that a new key can stand before the one it replaces. */
export const masterKeys = (value: string): string => {
  const key = /^([0-9a-f]{64}|[A-Za-z0-9+/]{43}=)$/i
  if (!value.split(',').every((each) => key.test(each.trim()))) {
    throw expected('32 bytes as 64 hex digits or base64, several with commas')
  }
  return value
}

export const signingSecret = (value: string): string => {
  if (!/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(value))
    throw expected('whsec_ and 24 to 64 bytes in base64')
  return value
}

export const jsonObject = (value: string): string => {
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    parsed = undefined
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw expected('a JSON object')
  }
  return value
}
