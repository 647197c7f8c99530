import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a secret is the one that the processes of this run of a self-hosted gateway share. */
export const isProcessSecret = (
  given: string | null,
  { MAXAPI_PROCESS_SECRET: own }: { MAXAPI_PROCESS_SECRET?: string },
): boolean => Boolean(own) && timingSafeEqual(digest(given ?? ''), digest(own ?? ''))

const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest()
